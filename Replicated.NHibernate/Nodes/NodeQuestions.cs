using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>What the library asks of a server on an open connection: what it is, how far, and whether its sessions are read-only. Thread-safe.</summary>
internal sealed class NodeQuestions(NodeRegistry registry, DatabaseProvider provider, OptionsSnapshot settings, TimeProvider clock, ILoggerFactory loggers)
{
    // Npgsql empties its pool at the first that is broken; what others hold is as many as their pools do.
    private const int MostInPool = 100;

    // Each restart of a server makes another one.
    private const int MostInstances = 100;

    private readonly ILogger _logger = loggers.CreateLogger(Log.Category);
    private readonly ConcurrentDictionary<string, string?> _clusters = new(StringComparer.Ordinal);
    private readonly HistoryProofs _proofs = new(registry, provider, clock);

    /// <summary>Whether connection strings ask for the read-only mode, and a server can tell whether it is on.</summary>
    public bool ChecksReadOnlyMode => settings.Value.Options.ReadOnlySwitch && provider.Dialect is { SwitchesByConnectionString: true, IsReadOnlyQuery: not null };

    private int Timeout => (int)Math.Ceiling(settings.Value.Options.Probe.Timeout.TotalSeconds);

    /// <summary>Asks a server what it is and how far, for all that come after.</summary>
    public async Task Sample(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        var (at, asked) = (clock.GetUtcNow(), node.Health);
        var status = await Status(node, connection, cancellationToken);
        if (status?.Server is { } server)
        {
            if (node.Server is { } former && former.Instance != server.Instance)
            {
                node.Forget();
            }

            node.Server = server;
        }

        if (status is { IsSlave: true, Position: { } said } && node is { Role: DatabaseRole.Slave, IsSeveral: false })
        {
            await _proofs.Check(node, said, connection, cancellationToken);
            status = status.Value with { Position = node.Known(said) };
        }

        if (status?.Unknown is { } unknown && node.IsFirstWithoutPositions())
        {
            _logger.StatusUnknown(node.Name, unknown);
        }

        node.Note(status?.Position, at);
        registry.Answered(node, status, asked);
    }

    /// <summary>Asks the server of a connection what it is and how far; null where it answers without telling.</summary>
    public async Task<ReplicationStatus?> Status(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        if (registry.Positions is not { } positions)
        {
            await Answers(connection, cancellationToken);
            return null;
        }

        var status = await Ask(positions.StatusQuery) ?? (positions.StatusWithoutPositionQuery is { } question ? await Ask(question) : null);
        return status is { Server: { } server } ? status.Value with { Server = server with { Cluster = await ClusterOf(server.Instance, connection, cancellationToken) } } : status;

        async Task<ReplicationStatus?> Ask(string sql)
        {
            try
            {
                await using var command = Command(connection, sql);
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                return await reader.ReadAsync(cancellationToken) ? positions.ReadStatus(reader) : null;
            }
            catch (Exception e) when (IsAnswer(e, connection))
            {
                // It is there, and only does not know the question.
                PositionsAreOff(node, e);
                return null;
            }
        }
    }

    private async ValueTask<string?> ClusterOf(string instance, DbConnection connection, CancellationToken cancellationToken)
    {
        string? known = null;
        if (registry.Positions!.ClusterQuery is not { } question || _clusters.TryGetValue(instance, out known))
        {
            return known;
        }

        try
        {
            await using var command = Command(connection, question);
            known = await command.ExecuteScalarAsync(cancellationToken) as string;
        }
        catch (Exception e) when (IsAnswer(e, connection))
        {
            // What may not be told now is not told later either.
        }

        if (_clusters.Count >= MostInstances)
        {
            _clusters.Clear();
        }

        return _clusters[instance] = known;
    }

    /// <summary>Asks whether a session of the slave role is read-only, and says so once where it is not.</summary>
    public async Task CheckReadOnlyMode(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        if (!ChecksReadOnlyMode || provider.Dialect.IsReadOnlyQuery is not { } question)
        {
            return;
        }

        await using var command = connection.CreateCommand();
        command.CommandText = question;
        var isOff = await command.ExecuteScalarAsync(cancellationToken) is not "on";
        if (isOff && !node.IsReadOnlyModeOff)
        {
            _logger.ReadOnlyModeOff(node.Name);
        }

        node.IsReadOnlyModeOff = isOff;
    }

    /// <summary>Asks whether a connection leads to the server process that its provider was told of; behind a pooler it does not, and says so once.</summary>
    public async Task CheckDirect(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        if (node.Preparing is null || provider.Dialect.BackendQuery is not { } question || BackendId.Of(connection) is not { } known)
        {
            return;
        }

        await using var command = connection.CreateCommand();
        command.CommandText = question;
        node.IsDirect = await command.ExecuteScalarAsync(cancellationToken) is long told && told == known;
        if (!node.IsDirect && node.IsFirstWithPooler())
        {
            _logger.NotPrepared(node.Name);
        }
    }

    /// <summary>
    /// Takes connections of a server that was away out of the provider's pools until one works, so that no request finds out that they broke. Gives what no connection
    /// could be opened for; null where the application can be served.
    /// </summary>
    public async Task<Exception?> PurgeConnections(Node node, CancellationToken cancellationToken)
    {
        foreach (var connectionString in node.Pools())
        {
            for (var attempt = 0; attempt < MostInPool; attempt++)
            {
                try
                {
                    await using var connection = await provider.Open(connectionString, async: true, cancellationToken);
                    if (await Works(connection, cancellationToken))
                    {
                        break;
                    }
                }
                catch (Exception e)
                {
                    if (provider.Dialect.Classify(new Failure(e, FailurePhase.Open, IsCancelled: cancellationToken.IsCancellationRequested)) is FailureClass.Busy or FailureClass.EndedByUs)
                    {
                        break;
                    }

                    return e;
                }
            }
        }

        return null;
    }

    private async Task<bool> Works(DbConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(connection, registry.Positions?.StatusQuery ?? provider.Dialect.ProbeQuery);
            await command.ExecuteScalarAsync(cancellationToken);
            return true;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A server that only does not know the question leaves it open.
            return connection.State == ConnectionState.Open;
        }
    }

    private async Task Answers(DbConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = Command(connection, provider.Dialect.ProbeQuery);
            await command.ExecuteScalarAsync(cancellationToken);
        }
        catch (Exception e) when (IsAnswer(e, connection))
        {
            // It is there, and only does not know the question.
        }
    }

    /// <summary>Whether the server itself answered so, and is there.</summary>
    public bool IsAnswer(Exception e, DbConnection connection) =>
        provider.Dialect.Classify(new Failure(e, FailurePhase.Question, connection.State == ConnectionState.Open)) switch
        {
            FailureClass.PositionsOff => true,
            FailureClass.Statement => e is DbException { SqlState: not null },
            _ => false,
        };

    /// <summary>Says once that a server does not tell how far it is, where that is why a question failed.</summary>
    // A conflict with what the slave replays, or a limit of time, says nothing for longer than this question.
    public void PositionsAreOff(Node node, Exception e)
    {
        if (provider.Dialect.Classify(new Failure(e, FailurePhase.Question, IsOpen: true)) == FailureClass.PositionsOff && node.IsFirstWithoutPositions())
        {
            _logger.PositionsOff(node.Name, DatabaseDialect.NameOf(e));
        }
    }

    private DbCommand Command(DbConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        (command.CommandText, command.CommandTimeout) = (sql, Timeout);
        return command;
    }
}
