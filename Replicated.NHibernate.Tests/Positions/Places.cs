using System.Data.Common;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Positions;

/// <summary>Servers asked for their places as the library asks them, on connections that are kept.</summary>
internal sealed class Places : IAsyncDisposable
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private readonly NpgsqlConnection _connection;

    private Places(NpgsqlConnection connection) => _connection = connection;

    public static PostgreSqlPositions Rules { get; } = new();

    public static async Task<Places> Of(PostgresNode node, string? role = null)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(node.ConnectionString) { Pooling = false, Username = role ?? "postgres" }.ConnectionString);
        await connection.OpenAsync();
        return new Places(connection);
    }

    /// <summary>Commits a statement, and says the place behind it.</summary>
    public async Task<Position> Commit(string sql)
    {
        await using (var command = new NpgsqlCommand(sql, _connection))
        {
            await command.ExecuteNonQueryAsync();
        }

        return await Master();
    }

    public async Task<Position> Master() => (await Ask(Rules.MasterQuery))!.Value;

    public async Task<Position> Slave() => (await Ask(Rules.StatusQuery))!.Value;

    public async Task<bool> HasReached(Position wanted) => Rules.IsReached(wanted, await Slave());

    public async Task<bool> Reaches(Position wanted, TimeSpan atMost) => Rules.IsReached(wanted, (await Ask(Rules.WaitQuery(wanted, atMost)))!.Value);

    public async Task<T> Value<T>(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task<Position?> Ask(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await using DbDataReader reader = await command.ExecuteReaderAsync();
        Assert.That(await reader.ReadAsync(), Is.True);
        var place = Rules.Read(reader);
        Assert.That(await reader.ReadAsync(), Is.False, "One row.");
        return place;
    }
}
