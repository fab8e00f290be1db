using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Ends the connections that an application keeps in its pools, as an administrator or a firewall would.</summary>
internal static class LostConnections
{
    /// <summary>The server ends them, and says so. Done when they are gone.</summary>
    public static async Task Terminate(this PostgresNode node)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "select count(*) filter (where pg_terminate_backend(pid, 10000)) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()", connection);
        Assert.That(await command.ExecuteScalarAsync(), Is.GreaterThan(0L), "There was to be a connection to lose.");
    }

    /// <summary>They are reset without a word from the server, which can be reached again at once.</summary>
    public static async Task Reset(this TcpProxy wire)
    {
        Assert.That(wire.Connections, Is.GreaterThan(0), "There was to be a connection to lose.");
        await wire.CutAsync();
        await wire.RestoreAsync();
    }
}
