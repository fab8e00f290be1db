using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A master and two slaves for all tests that leave the servers alone; who stops or pauses one makes a cluster of their own.</summary>
[SetUpFixture]
internal sealed class SharedCluster
{
    private static PostgresCluster? _cluster;

    public static PostgresCluster Cluster => _cluster ?? throw new InvalidOperationException("The shared cluster has not been started.");

    public static PostgresNode Master => Cluster.Master;

    [OneTimeSetUp]
    public static async Task Start() => _cluster = await StartWithSchema();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }

    /// <summary>A cluster with the tests' tables on every node.</summary>
    public static async Task<PostgresCluster> StartWithSchema(int slaves = 2)
    {
        var cluster = await PostgresCluster.StartAsync(slaves);
        await Execute(cluster.Master, Sql.Schema);
        await cluster.WaitForSlavesAsync();
        return cluster;
    }

    /// <summary>Beside the library: what a row count says must not come from the code under test.</summary>
    public static async Task Execute(PostgresNode node, string sql)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public static async Task<T> Ask<T>(PostgresNode node, string sql)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public static Task<bool> IsOnMaster(Guid id, PostgresCluster? cluster = null) =>
        Ask<bool>((cluster ?? Cluster).Master, $"select exists (select 1 from post where id = '{id}')");
}
