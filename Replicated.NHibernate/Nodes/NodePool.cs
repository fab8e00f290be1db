using System.Data;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using System.Net.Sockets;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>An open connection, the node it leads to, and why it is that one where it is not as decided.</summary>
/// <param name="Connection">The caller's to give back by <see cref="NodePool.Close"/>.</param>
/// <param name="Node">Where it leads.</param>
/// <param name="Reason">Null where it is as decided.</param>
/// <param name="At">The clock's timestamp of its opening.</param>
internal sealed record NodeConnection(DbConnection Connection, Node Node, RouteReason? Reason, long At)
{
    /// <summary>Which server it leads to, where several stand behind the node's address.</summary>
    public ServerIdentity? Server { get; init; }

    /// <summary>Whether the master stands in for a slave, which counts against the cap.</summary>
    public bool IsFallback => Reason is RouteReason.Fallback or RouteReason.Token;
}

/// <summary>
/// Chooses a node and opens a connection to it. A connection that cannot be opened goes to the next candidate, before any
/// statement has run. Choosing is synchronous and from memory. Thread-safe.
/// </summary>
internal sealed partial class NodePool(
    NodeRegistry registry, NodeQuestions questions, DatabaseProvider provider, OptionsSnapshot settings, TimeProvider clock, ReplicatedMetrics metrics, ILoggerFactory loggers)
{
    private readonly ILogger _logger = loggers.CreateLogger(Log.Category);
    private readonly MasterAttempt _masterAttempt = new(registry, provider, settings, clock);
    private readonly FallbackCap _cap = new();

    public Node Master => registry.Master;

    public Node[] Slaves => registry.Slaves;

    public bool HasSlaves => registry.Slaves.Length > 0;

    public DatabaseProvider Provider => provider;

    /// <summary>Opens for the master role; read-only where nobody would commit a write any more.</summary>
    public async ValueTask<NodeConnection> OpenMaster(bool readOnly, bool async, CancellationToken cancellationToken)
    {
        if (!readOnly && registry.StateOf(Master) == NodeState.NotFollowing)
        {
            throw MasterUnavailableException.Former(Master.Health.Why);
        }

        try
        {
            return new NodeConnection(await Open(Master, readOnly ? DatabaseRole.Slave : DatabaseRole.Master, async, cancellationToken), Master, Reason: null, clock.GetTimestamp());
        }
        catch (Exception e) when (IsFailure(e) && !cancellationToken.IsCancellationRequested)
        {
            throw MasterUnavailableException.ForWriting(e, isBusy: NotOpened(Master, e, "none") == FailureClass.Busy);
        }
    }

    /// <summary>Opens for the slave role, on a slave that has what the read must see; strictly, that is on no master, where a slave was asked for in so many words.</summary>
    public ValueTask<NodeConnection> OpenSlave(ReadGoal goal, bool strict, bool async, CancellationToken cancellationToken) =>
        OpenSlave(new ReadWish(goal, strict), async, cancellationToken);

    /// <summary>Opens for the slave role as it is wished.</summary>
    public async ValueTask<NodeConnection> OpenSlave(ReadWish wish, bool async, CancellationToken cancellationToken)
    {
        var (choice, goal, strict) = (registry.Choice, wish.Goal, wish.Strict);
        if (goal.OnlyMaster && wish.MayUseMaster)
        {
            return await FallBack(goal, choice.MaxFallbackSessions, RouteReason.Token, [], async, cancellationToken);
        }

        var left = wish.From(choice);
        List<Exception>? failures = null;
        var behind = false;
        // A master that takes a share of the reads takes over the others' too where it is the last one left: that is a fallback.
        while (left.HasSlave)
        {
            var (node, isKnown) = Pick(choice, left, goal);
            try
            {
                var opened = new NodeConnection(await Open(node, DatabaseRole.Slave, async, cancellationToken), node, Reason: null, clock.GetTimestamp());
                registry.Opened(node);
                if (!await IsWhatItShouldBe(opened, async, cancellationToken))
                {
                    await Close(opened, async);
                    left = left.Without(node);
                    continue;
                }

                if (node.IsSeveral)
                {
                    opened = opened with { Server = await ServerOf(opened, async, cancellationToken) };
                    if (opened.Server is null)
                    {
                        await Close(opened, async);
                        left = left.Without(node);
                        continue;
                    }
                }

                isKnown |= !goal.IsNone && goal.Position is { } position && IsPast(node, position);
                if (isKnown || (wish.Asks && await HasCaughtUp(opened, goal, keep: strict, async, cancellationToken)))
                {
                    return opened;
                }

                if (strict)
                {
                    return opened with { Reason = RouteReason.Stale };
                }

                behind = true;
                break;
            }
            catch (Exception e) when (IsFailure(e) && !cancellationToken.IsCancellationRequested)
            {
                (failures ??= []).Add(e);
                left = left.Without(node);
                NotOpened(node, e, left.HasSlave ? "another slave" : wish.MayUseMaster ? "the master" : "none");
            }
        }

        return !wish.MayUseMaster
            ? throw SlavesUnavailableException.NoneUsable(Slaves.Select(s => $"{s.Name}: {registry.StateOf(s)}"), failures ?? [])
            : await FallBack(goal, choice.MaxFallbackSessions, behind ? RouteReason.Token : RouteReason.Fallback, failures ?? [], async, cancellationToken);
    }

    /// <summary>Gives back what one of the two methods opened.</summary>
    public async ValueTask Close(NodeConnection opened, bool async)
    {
        opened.Node.Leave();
        if (opened.IsFallback)
        {
            metrics.FallbackEnded();
            _cap.Leave(opened.Reason!.Value);
        }

        if (opened.Connection.State is not ConnectionState.Open)
        {
            registry.Broke(opened.Node, opened.At);
        }

        if (async)
        {
            await opened.Connection.DisposeAsync();
        }
        else
        {
            opened.Connection.Dispose();
        }
    }

    private static bool IsFailure(Exception e) => e is DbException or TimeoutException or IOException or SocketException or AggregateException or InvalidOperationException;

    private async ValueTask<NodeConnection> FallBack(ReadGoal goal, int most, RouteReason reason, List<Exception> failures, bool async, CancellationToken cancellationToken)
    {
        var state = registry.StateOf(Master);
        if (state == NodeState.NotFollowing)
        {
            // It has a log that nobody follows any more, and nothing of what the others write.
            return await OpenWithoutMaster(goal, async, cancellationToken) ?? throw MasterUnavailableException.Former(Master.Health.Why);
        }

        // A master known to be down may let a caller wait for a connection, so only a read of a client's own write waits for it; where no slave can be connected to either, it is tried all the same.
        if (state is NodeState.Down or NodeState.WrongRole && (goal.IsNone || !await _masterAttempt.Answers(async, cancellationToken))
            && await OpenWithoutMaster(goal, async, cancellationToken) is { } late)
        {
            return late;
        }

        if (!_cap.TryEnter(reason, most))
        {
            throw SlavesUnavailableException.CapReached(most, failures);
        }

        try
        {
            var connection = await Open(Master, DatabaseRole.Slave, async, cancellationToken);
            metrics.FallbackBegan(reason.Name());
            return new NodeConnection(connection, Master, reason, clock.GetTimestamp());
        }
        catch (Exception e)
        {
            _cap.Leave(reason);
            if (!IsFailure(e) || cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            // A busy master has the client's write, and will show it as soon as it has a connection.
            if (NotOpened(Master, e, goal.IsNone ? "a slave, whatever it has" : "a slave, unless the master is only busy") == FailureClass.Busy && !goal.IsNone)
            {
                throw MasterUnavailableException.ForReading(e, failures);
            }

            return await OpenWithoutMaster(goal, async, cancellationToken) ?? throw MasterUnavailableException.ForReading(e, failures);
        }
    }

    // Reads go on without a master: what no slave has then, nobody can show, and to ask once more would only take time.
    private async ValueTask<NodeConnection?> OpenWithoutMaster(ReadGoal goal, bool async, CancellationToken cancellationToken)
    {
        if (registry.Choice.Slaves.Count == 0)
        {
            return null;
        }

        try
        {
            return await OpenSlave(new ReadWish(goal, Strict: true, Asks: false), async, cancellationToken);
        }
        catch (SlavesUnavailableException)
        {
            return null;
        }
    }

    private async ValueTask<DbConnection> Open(Node node, DatabaseRole role, bool async, CancellationToken cancellationToken)
    {
        node.Enter();
        var began = metrics.OpensAreMeasured ? clock.GetTimestamp() : 0;
        string? error = null;
        try
        {
            return role == DatabaseRole.Master
                ? await provider.Open(node.StringFor(role), async, cancellationToken)
                : await ReadOnly(await provider.Open(node.StringFor(role), async, cancellationToken), async, cancellationToken);
        }
        catch (Exception e)
        {
            error = e.GetType().FullName;
            node.Leave();
            throw;
        }
        finally
        {
            if (began != 0)
            {
                metrics.OpenTook(clock.GetElapsedTime(began), role.Name(), node.Name, error);
            }
        }
    }

    // A failure counts against the server only where it was the server's.
    private FailureClass NotOpened(Node node, Exception e, string next)
    {
        var what = e is QuestionFailedException ? FailureClass.ConnectionLost : provider.Dialect.Classify(new Failure(e, FailurePhase.Open));
        var name = DatabaseDialect.NameOf(e is QuestionFailedException { InnerException: { } asked } ? asked : e);
        switch (what)
        {
            case FailureClass.Busy:
                _logger.NodeBusy(node.Name, name, next);
                return what;
            case FailureClass.ConnectionLost:
                registry.Broke(node, clock.GetTimestamp());
                break;
            case FailureClass.RefusedUs:
                registry.Failed(node, $"it refuses this application's user or database ({name})");
                break;
            default:
                registry.Failed(node, $"it could not be connected to or did not answer ({name})");
                break;
        }

        if (node == Master)
        {
            _masterAttempt.Failed();
        }

        _logger.NodeNotOpened(node.Name, name, next);
        return what;
    }
}
