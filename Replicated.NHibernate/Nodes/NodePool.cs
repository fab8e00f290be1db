using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>An open connection, the node it leads to, and how to give it back.</summary>
internal sealed record NodeConnection(DbConnection Connection, Node Node, bool IsFallback);

/// <summary>
/// Chooses a node and opens a connection to it. A connection that cannot be opened goes to the next candidate, before any
/// statement has run. Choosing is synchronous and from memory. Thread-safe.
/// </summary>
internal sealed class NodePool
{
    // Long enough that a dead slave does not cost every request an attempt, short enough that one that came back is soon used.
    private static readonly TimeSpan LeftOutAfterFailure = TimeSpan.FromSeconds(2);

    private readonly DatabaseProvider _provider;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly ILoadBalancingPolicy[] _policies = [new PowerOfTwoChoicesPolicy(), new RoundRobinPolicy(), new RandomPolicy()];
    private readonly Candidates _slaves;
    private readonly Predicate<Node> _isLeftOut;
    private volatile Choice _choice;
    private int _fallbackSessions;

    public NodePool(NodeList nodes, DatabaseProvider provider, CurrentSettings settings, TimeProvider clock, ILoggerFactory loggers)
    {
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
        return new NodeConnection(connection, Master, IsFallback: false);
    }

    /// <summary>Opens for the slave role, on <paramref name="pinned"/> where the scope already has a node.</summary>
    public async ValueTask<NodeConnection> OpenSlave(Node? pinned, bool strict, bool async, CancellationToken cancellationToken)
    {
        if (pinned is not null)
        {
            return new NodeConnection(await Open(pinned, pinned.ReadOnlyConnectionString, async, cancellationToken), pinned, IsFallback: false);
        }

        var choice = _choice;
        var left = strict ? _slaves : choice.Reads;
        List<Exception>? failures = null;
        var rested = left.Without(_isLeftOut);
        // Where all are left out, a last attempt is better than none, but only the strict have nowhere else to go.
        left = rested.Count > 0 || !strict ? rested : left;
        // A master that takes a share of the reads takes over the others' too where it is the last one left: that is a fallback.
        while (left.HasSlave)
        {
            var node = left.Nodes[choice.Policy.Pick(left.Nodes, left.Weights)];
            try
            {
                var connection = await Open(node, node.ReadOnlyConnectionString, async, cancellationToken);
                node.Opened();
                return new NodeConnection(connection, node, IsFallback: false);
            }
            catch (Exception e) when (e is DbException or TimeoutException or IOException or InvalidOperationException && !cancellationToken.IsCancellationRequested)
            {
                (failures ??= []).Add(e);
                left = left.Without(node);
                node.LeaveOut(_clock, LeftOutAfterFailure);
                _logger.NodeNotOpened(node.Name, Reason(e), LeftOutAfterFailure.TotalSeconds, left.HasSlave ? "another slave" : strict ? "none" : "the master");
            }
        }

        return strict
            ? throw SlavesUnavailableException.NoneReachable(Slaves.Select(s => s.Name), failures ?? [])
            : await FallBack(choice.MaxFallbackSessions, failures ?? [], async, cancellationToken);
    }

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

    private static string Reason(Exception e) => e is DbException { SqlState: { } state } ? $"{e.GetType().Name} {state}" : e.GetType().Name;

    private async ValueTask<NodeConnection> FallBack(int most, List<Exception> failures, bool async, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _fallbackSessions) > most)
        {
            Interlocked.Decrement(ref _fallbackSessions);
            throw SlavesUnavailableException.CapReached(most, failures);
        }

        try
        {
            return new NodeConnection(await Open(Master, Master.ReadOnlyConnectionString, async, cancellationToken), Master, IsFallback: true);
        }
        catch
        {
            Interlocked.Decrement(ref _fallbackSessions);
            throw;
        }
    }

    private async ValueTask<DbConnection> Open(Node node, string connectionString, bool async, CancellationToken cancellationToken)
    {
        var connection = _provider.Create(connectionString);
        node.Enter();
        try
        {
            if (async)
            {
                await connection.OpenAsync(cancellationToken);
            }
            else
            {
                connection.Open();
            }

            return connection;
        }
        catch
        {
            node.Leave();
            connection.Dispose();
            throw;
        }
    }

    private Choice Choose(ReplicatedOptions options) => new(
        Array.Find(_policies, p => p.Name == options.LoadBalancing) ?? _policies[0],
        options.MasterReadWeight > 0 && HasSlaves ? _slaves.With(Master, options.MasterReadWeight) : _slaves,
        options.MaxFallbackSessions);
}
