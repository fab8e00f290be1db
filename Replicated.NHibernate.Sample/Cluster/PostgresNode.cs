using Npgsql;
using NpgsqlTypes;

namespace Replicated.NHibernate.Sample.Cluster;

public enum PostgresNodeState
{
    Stopped,
    Running,
}

/// <summary>One server of a private cluster. It keeps its port as long as the cluster lives.</summary>
public sealed partial class PostgresNode
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly PostgresServer _server;

    internal PostgresNode(string name, PostgresServer server) => (Name, _server) = (name, server);

    public string Name { get; }

    /// <summary>On 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>For Npgsql, with user and database.</summary>
    public string ConnectionString =>
        new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = "postgres", Database = "postgres", SslMode = SslMode.Disable }.ConnectionString;

    public PostgresNodeState State => _server.IsRunning ? PostgresNodeState.Running : PostgresNodeState.Stopped;

    /// <summary>Of the postmaster, while it runs.</summary>
    public int? ProcessId => _server.ProcessId;

    /// <summary>Brings the server up again after it was stopped or killed; does nothing while it runs.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (!_server.IsRunning && !await _server.TryStartAsync(Port, cancellationToken))
        {
            throw new InvalidOperationException($"Port {Port} of '{Name}' has been taken by another process.");
        }
    }

    /// <summary>A fast shutdown: sessions are ended, the data is consistent.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _server.StopAsync(cancellationToken);

    /// <summary>SIGKILL to the postmaster and its children.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>From here on the slave receives, but does not show, what the master does.</summary>
    public async Task PauseReplayAsync(CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await ScalarAsync(connection, "select pg_wal_replay_pause()::text", cancellationToken);
        // Asking is not having: since version 14 the pause begins a moment later, and has a state to ask for.
        var isPaused = connection.PostgreSqlVersion.Major >= 14 ? "select pg_get_wal_replay_pause_state() = 'paused'" : "select pg_is_wal_replay_paused()";
        await UntilAsync(async token => await ScalarAsync(connection, isPaused, token) is true, () => $"'{Name}' did not pause its replay.", Patience, cancellationToken);
    }

    public async Task ResumeReplayAsync(CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        await ScalarAsync(connection, "select pg_wal_replay_resume()::text", cancellationToken);
    }

    /// <summary>Makes a slave a master of its own. The other nodes do not follow it.</summary>
    public async Task PromoteAsync(CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        if (await ScalarAsync(connection, "select pg_promote(true, 30)", cancellationToken) is not true)
        {
            throw new TimeoutException($"'{Name}' was not promoted within 30 s.");
        }
    }

    /// <summary>Up to where the master has written its log: everything committed is before it.</summary>
    public async Task<NpgsqlLogSequenceNumber> CurrentLsnAsync(CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        // Not the insert position: at the edge of a page that one counts the next page's header, which an idle master never sends.
        return (NpgsqlLogSequenceNumber)(await ScalarAsync(connection, "select pg_current_wal_lsn()", cancellationToken))!;
    }

    /// <summary>Until this slave shows everything before the master's position.</summary>
    public async Task WaitUntilReplayedAsync(NpgsqlLogSequenceNumber masterLsn, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        object? replayed = null;
        await UntilAsync(
            async token => (replayed = await ScalarAsync(connection, "select pg_last_wal_replay_lsn()", token)) is NpgsqlLogSequenceNumber lsn && lsn >= masterLsn,
            () => $"'{Name}' has replayed up to {replayed ?? "nothing"}, not to {masterLsn}. Is its replay paused, or the master down?",
            timeout ?? Patience,
            cancellationToken);
    }

    internal async Task StartFirstAsync(CancellationToken cancellationToken)
    {
        do
        {
            Port = FreePort.Next();
        }
        while (!await _server.TryStartAsync(Port, cancellationToken));
    }

    internal void Abandon() => _server.Abandon();

    private async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        // Not pooled: a pool would remember connections of a server that was killed.
        var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    private static async Task UntilAsync(Func<CancellationToken, Task<bool>> condition, Func<string> complaint, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            while (!await condition(deadline.Token))
            {
                await Task.Delay(3, deadline.Token);
            }
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Within {timeout.TotalSeconds} s: {complaint()}", late);
        }
    }
}
