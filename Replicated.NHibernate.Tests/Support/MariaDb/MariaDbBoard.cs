using System.Data.Common;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using MySqlConnector;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Support.MariaDb;

/// <summary>The board on a routed connection to MariaDB, with Dapper.</summary>
internal sealed class MariaDbBoard(DbConnection connection) : IBoard
{
    public const string Schema = "create table post (id char(36) primary key, title varchar(200) not null, version int not null default 1, key post_of_client (title, id))";

    public static readonly UnitOfWork Unit = new("MariaDB", (services, options) =>
    {
        services.AddReplicatedConnections(MySqlConnectorFactory.Instance, options);
        services.AddScoped<IBoard, MariaDbBoard>();
    });

    public async Task<Place> WhereAsync()
    {
        var (port, readOnly) = await connection.QuerySingleAsync<(int Port, bool ReadOnly)>("select @@port, @@global.read_only");
        return new Place(port, readOnly);
    }

    public Task AddAsync(Guid id, string title = "a post") => connection.ExecuteAsync("insert into post (id, title) values (@id, @title)", new { id, title });

    public async Task<bool> HasAsync(Guid id) => await connection.ExecuteScalarAsync<long>("select exists (select 1 from post where id = @id)", new { id }) == 1;

    public Task ExecuteAsync(string sql) => connection.ExecuteAsync(sql);

    public async Task<long> ScalarAsync(string sql) => Convert.ToInt64(await connection.ExecuteScalarAsync(sql), CultureInfo.InvariantCulture);
}
