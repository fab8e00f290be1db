using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests;

/// <summary>
/// A master and two slaves for all tests that leave the servers alone; who stops or pauses one makes a cluster of their own. Started by
/// the first test that asks, ended after the last: in the outermost namespace, because a fixture's namespace says which tests it is for.
/// </summary>
[SetUpFixture]
internal sealed class SharedCluster
{
    private static readonly Lazy<PostgresCluster> Shared = new(() => StartWithSchema().GetAwaiter().GetResult());

    public static PostgresCluster Cluster => Shared.Value;

    public static PostgresNode Master => Cluster.Master;

    [OneTimeTearDown]
    public static async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        if (Shared.IsValueCreated)
        {
            await Shared.Value.DisposeAsync();
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
