using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>An open connection, the node it leads to, and why it is that one where it is not as decided.</summary>
internal sealed record NodeConnection(DbConnection Connection, Node Node, RouteReason? Reason)
{
    /// <summary>Whether the master stands in for a slave, which counts against the cap.</summary>
    public bool IsFallback => Reason is RouteReason.Fallback or RouteReason.Mark;
}

/// <summary>
/// Chooses a node and opens a connection to it. A connection that cannot be opened goes to the next candidate, before any
/// statement has run. Choosing is synchronous and from memory. Thread-safe.
/// </summary>
internal sealed partial class NodePool
{
    // Long enough that a dead slave does not cost every request an attempt, short enough that one that came back is soon used.
    private static readonly TimeSpan LeftOutAfterFailure = TimeSpan.FromSeconds(2);

    private readonly DatabaseProvider _provider;
    private readonly CurrentSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly ILoadBalancingPolicy[] _policies = [new PowerOfTwoChoicesPolicy(), new RoundRobinPolicy(), new RandomPolicy()];
    private readonly Candidates _slaves;
    private readonly Predicate<Node> _isLeftOut;
    private volatile Choice _choice;
    private int _fallbackSessions;

    public NodePool(NodeList nodes, DatabaseProvider provider, CurrentSettings settings, TimeProvider clock, ILoggerFactory loggers, ReplicationPositions? positions = null)
    {
        _settings = settings;
        Positions = positions ?? (provider.IsNpgsql ? new PostgreSqlPositions() : null);
        (_provider, _clock, _logger) = (provider, clock, loggers.CreateLogger(Log.Category));
        (Master, Slaves) = nodes.Create(settings.Value.Options, provider);
        _slaves = Candidates.Of(Slaves);
        _isLeftOut = n => n.IsLeftOut(_clock);
        _choice = Choose(settings.Value.Options);
        settings.OnChange(s => _choice = Choose(s.Options));
    }

    private sealed record Choice(ILoadBalancingPolicy Policy, Candidates Reads, int MaxFallbackSessions);

    public Node Master { get; }

    public Node[] Slaves { get; }

    public bool HasSlaves => Slaves.Length > 0;

    public DatabaseProvider Provider => _provider;

    /// <summary>Opens for the master role.</summary>
    public async ValueTask<NodeConnection> OpenMaster(bool async, CancellationToken cancellationToken)
    {
        var connection = await Open(Master, Master.ConnectionString, async, cancellationToken);
        return new NodeConnection(connection, Master, Reason: null);
    }

    /// <summary>Opens for the slave role, on a slave that has what the read must see; strictly, that is on no master, where a slave was asked for in so many words.</summary>
    public async ValueTask<NodeConnection> OpenSlave(ReadGoal goal, bool strict, bool async, CancellationToken cancellationToken)
    {
        var choice = _choice;
        if (goal.OnlyMaster && !strict)
        {
            return await FallBack(choice.MaxFallbackSessions, RouteReason.Mark, [], async, cancellationToken);
        }

        var left = strict ? _slaves : choice.Reads;
        List<Exception>? failures = null;
        var behind = false;
        var rested = left.Without(_isLeftOut);
        // Where all are left out, a last attempt is better than none, but only the strict have nowhere else to go.
        left = rested.Count > 0 || !strict ? rested : left;
        // A master that takes a share of the reads takes over the others' too where it is the last one left: that is a fallback.
        while (left.HasSlave)
        {
            var (node, isKnown) = Pick(choice, left, goal);
            try
            {
                var connection = await Open(node, node.ReadOnlyConnectionString, async, cancellationToken);
                node.Opened();
                var opened = new NodeConnection(connection, node, Reason: null);
                if (isKnown || await HasCaughtUp(opened, goal, keep: strict, async, cancellationToken))
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
                node.LeaveOut(_clock, LeftOutAfterFailure);
                // A server that crashed may come back behind where it was.
                node.Reading = null;
                _logger.NodeNotOpened(node.Name, Reason(e), LeftOutAfterFailure.TotalSeconds, left.HasSlave ? "another slave" : strict ? "none" : "the master");
            }
        }

        return strict
            ? throw SlavesUnavailableException.NoneReachable(Slaves.Select(s => s.Name), failures ?? [])
            : await FallBack(choice.MaxFallbackSessions, behind ? RouteReason.Mark : RouteReason.Fallback, failures ?? [], async, cancellationToken);
    }

    /// <summary>Opens once more on the node that the scope already has.</summary>
    public async ValueTask<NodeConnection> OpenPinned(Node node, bool async, CancellationToken cancellationToken) =>
        new(await Open(node, node.ReadOnlyConnectionString, async, cancellationToken), node, Reason: null);

    /// <summary>Gives back what one of the two methods opened.</summary>
    public async ValueTask Close(NodeConnection opened, bool async)
    {
        opened.Node.Leave();
        if (opened.IsFallback)
        {
            Interlocked.Decrement(ref _fallbackSessions);
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

    private static bool IsFailure(Exception e) => e is DbException or TimeoutException or IOException or InvalidOperationException;

    private static string Reason(Exception e) => e is DbException { SqlState: { } state } ? $"{e.GetType().Name} {state}" : e.GetType().Name;

    private async ValueTask<NodeConnection> FallBack(int most, RouteReason reason, List<Exception> failures, bool async, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _fallbackSessions) > most)
        {
            Interlocked.Decrement(ref _fallbackSessions);
            throw SlavesUnavailableException.CapReached(most, failures);
        }

        try
        {
            return new NodeConnection(await Open(Master, Master.ReadOnlyConnectionString, async, cancellationToken), Master, reason);
        }
        catch
        {
            Interlocked.Decrement(ref _fallbackSessions);
            throw;
        }
    }

    private async ValueTask<DbConnection> Open(Node node, string connectionString, bool async, CancellationToken cancellationToken)
    {
        node.Enter();
        try
        {
            return await _provider.Open(connectionString, async, cancellationToken);
        }
        catch
        {
            node.Leave();
            throw;
        }
    }

    private Choice Choose(ReplicatedOptions options) => new(
        Array.Find(_policies, p => p.Name == options.LoadBalancing) ?? _policies[0],
        options.MasterReadWeight > 0 && HasSlaves ? _slaves.With(Master, options.MasterReadWeight) : _slaves,
        options.MaxFallbackSessions);
}
