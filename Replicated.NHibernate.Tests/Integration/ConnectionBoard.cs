using System.Data.Common;
using System.Globalization;
using Dapper;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>The board on a routed connection, with Dapper.</summary>
internal sealed class ConnectionBoard(DbConnection connection) : IBoard
{
    public async Task<Place> WhereAsync()
    {
        var row = await connection.QuerySingleAsync<(int Port, bool InRecovery)>(Sql.Where);
        return new Place(row.Port, row.InRecovery);
    }

    public Task AddAsync(Guid id, string title = "a post") =>
        connection.ExecuteAsync("insert into post (id, title) values (@id, @title)", new { id, title });

    public Task<bool> HasAsync(Guid id) =>
        connection.ExecuteScalarAsync<bool>("select exists (select 1 from post where id = @id)", new { id });

    public Task ExecuteAsync(string sql) => connection.ExecuteAsync(sql);

    public async Task<long> ScalarAsync(string sql) =>
        Convert.ToInt64(await connection.ExecuteScalarAsync(sql), CultureInfo.InvariantCulture);
}
