using System.Globalization;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>Whose log a slave receives, and by which wire.</summary>
public sealed partial class PostgresNode
{
    /// <summary>Which keeps a master's log for this slave while it cannot get it.</summary>
    internal string Slot => Name.Replace('-', '_');

    /// <summary>
    /// From here on the slave gets the log of that master, after a promotion a new one, and through the wire if one is given: cut, it parts the
    /// slave from its master while clients still reach both. Done when the log streams.
    /// </summary>
    public async Task FollowAsync(PostgresNode master, TcpProxy? wire = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(master);
        var port = wire?.Port ?? master.Port;
        await master.EnsureSlotAsync(Slot, cancellationToken);
        await using var connection = await ConnectAsync(cancellationToken);
        string[] settings =
        [
            string.Create(CultureInfo.InvariantCulture, $"primary_conninfo = 'host=127.0.0.1 port={port} user=postgres sslmode=disable application_name={Name}'"),
            $"primary_slot_name = '{Slot}'",
        ];
        foreach (var setting in settings)
        {
            await ScalarAsync(connection, $"alter system set {setting}", cancellationToken);
        }

        await ScalarAsync(connection, "select pg_reload_conf()", cancellationToken);
        var streams = string.Create(CultureInfo.InvariantCulture, $"select exists (select 1 from pg_stat_wal_receiver where status = 'streaming' and sender_port = {port})");
        await UntilAsync(async token => await ScalarAsync(connection, streams, token) is true, () => $"'{Name}' does not receive the log of '{master.Name}'.", Patience, cancellationToken);
    }

    /// <summary>Until the slave has noticed that its master is out of reach.</summary>
    public async Task WaitUntilPartedAsync(CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        const string Streams = "select exists (select 1 from pg_stat_wal_receiver where status = 'streaming')";
        await UntilAsync(async token => await ScalarAsync(connection, Streams, token) is false, () => $"'{Name}' still receives its master's log.", Patience, cancellationToken);
    }

    internal async Task EnsureSlotAsync(string slot, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await ScalarAsync(
            connection,
            $"select pg_create_physical_replication_slot('{slot}', true)::text where not exists (select 1 from pg_replication_slots where slot_name = '{slot}')",
            cancellationToken);
    }
}
