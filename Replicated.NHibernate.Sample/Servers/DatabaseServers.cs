using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Replicated.NHibernate.Sample.Hosting;

namespace Replicated.NHibernate.Sample.Servers;

/// <summary>The configured servers, and what each says of itself.</summary>
internal sealed class DatabaseServers(IConfiguration configuration, IOptions<ReplicatedOptions> options) : IServerQuestion
{
    private const string Question =
        """
        select in_recovery,
               case when in_recovery then pg_is_wal_replay_paused() else false end,
               case when in_recovery then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
               pg_last_wal_receive_lsn() is not distinct from pg_last_wal_replay_lsn(),
               extract(epoch from clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))::float8
        from pg_is_in_recovery() as in_recovery
        """;

    private sealed record Answer(bool IsInRecovery, bool IsPaused, NpgsqlLogSequenceNumber Position, bool HasReplayedAll, double SecondsSinceLastReplay);

    public DatabaseServer Master => new(
        "master", DatabaseRole.Master, Named("Master") ?? throw new StartUpException("There is no master: set ConnectionStrings:Master."));

    /// <summary>As the library names them: slave-1 is ConnectionStrings:Slave, the others have names of their own.</summary>
    public IReadOnlyList<DatabaseServer> Slaves =>
    [
        .. new[] { Named("Slave") }.OfType<string>().Select(first => new DatabaseServer("slave-1", DatabaseRole.Slave, first)),
        .. options.Value.Slaves.Select(slave => new DatabaseServer(slave.Name, DatabaseRole.Slave, slave.ConnectionString ?? Named(slave.ConnectionStringName!)!)),
    ];

    public DatabaseServer? FindSlave(string name) => Slaves.FirstOrDefault(slave => slave.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Asks all of them, at the same moment and with little patience.</summary>
    public async Task<IReadOnlyList<ServerStatus>> AskAsync(CancellationToken cancellationToken)
    {
        DatabaseServer[] servers = [Master, .. Slaves];
        var answers = await Task.WhenAll(servers.Select(server => AskAsync(server, cancellationToken)));
        return [.. servers.Zip(answers, (server, answer) => Status(server, answer.Answer, answer.Error, answers[0].Answer?.Position))];
    }

    /// <summary>Why a server did not do as asked, without a word of how to reach it.</summary>
    public static string Explain(Exception fault) => fault switch
    {
        PostgresException refused => refused.MessageText,
        OperationCanceledException => "no answer in time",
        _ when fault.GetBaseException() is TimeoutException => "no answer in time",
        _ when fault.GetBaseException() is SocketException socket => socket.Message,
        _ => fault.GetBaseException() is IOException ? "the connection broke" : "it cannot be reached",
    };

    private static ServerStatus Status(DatabaseServer server, Answer? answer, string? error, NpgsqlLogSequenceNumber? master)
    {
        var isSlave = server.Role == DatabaseRole.Slave;
        var role = isSlave ? "slave" : "master";
        if (answer is null)
        {
            return new ServerStatus(server.Name, role, "down", Lag: null, LagBytes: null, Position: null, error);
        }

        var state = answer.IsPaused ? "paused" : answer.IsInRecovery == isSlave ? "up" : isSlave ? "promoted" : "in-recovery";
        var position = answer.Position.ToString();
        if (!isSlave || !answer.IsInRecovery)
        {
            return new ServerStatus(server.Name, role, state, Lag: null, LagBytes: null, position, Error: null);
        }

        // Asked at once, so the slave may have answered a little later than the master.
        long? bytes = master is { } ahead ? (long)((ulong)ahead - Math.Min((ulong)ahead, (ulong)answer.Position)) : null;
        var isEven = bytes is null ? answer.HasReplayedAll : bytes == 0;
        return new ServerStatus(server.Name, role, state, isEven ? 0 : Math.Round(answer.SecondsSinceLastReplay, 3), bytes, position, Error: null);
    }

    private static async Task<(Answer? Answer, string? Error)> AskAsync(DatabaseServer server, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            await using var connection = await server.ConnectAsync(patience.Token);
            await using var command = new NpgsqlCommand(Question, connection);
            await using var reader = await command.ExecuteReaderAsync(patience.Token);
            await reader.ReadAsync(patience.Token);
            return (new Answer(reader.GetBoolean(0), reader.GetBoolean(1), reader.GetFieldValue<NpgsqlLogSequenceNumber>(2), reader.GetBoolean(3), reader.GetDouble(4)), null);
        }
        catch (Exception fault) when (fault is NpgsqlException or OperationCanceledException or TimeoutException && !cancellationToken.IsCancellationRequested)
        {
            return (null, Explain(fault));
        }
    }

    private string? Named(string name) => configuration.GetConnectionString(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : null;
}
