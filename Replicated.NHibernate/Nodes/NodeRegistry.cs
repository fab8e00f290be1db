using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// The servers there are and what is known of each. Whoever finds out something says so here, which is rare and may wait for a lock; whoever chooses reads a
/// finished choice. Thread-safe.
/// </summary>
internal sealed partial class NodeRegistry
{
    // Where nobody asks in the background: long enough that a dead slave does not cost every request an attempt, short enough that one that came back is soon used.
    private static readonly TimeSpan LeftOutWithoutProbes = TimeSpan.FromSeconds(2);

    private readonly Lock _changing = new();
    private readonly NodeList _nodes;
    private readonly DatabaseProvider _provider;
    private readonly OptionsSnapshot _settings;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly NodeReport _report;
    private readonly LogHistory _history = new();
    private readonly EarlyAnswers _early = new();
    private readonly bool _startedWithoutSlaves;
    private readonly ReplicationPositions? _ownPositions;
    private MasterProgress? _progress;
    private volatile Node[] _slaves;
    private volatile Choice _choice;

    public NodeRegistry(
        NodeList nodes,
        DatabaseProvider provider,
        OptionsSnapshot settings,
        TimeProvider clock,
        ReplicatedMetrics metrics,
        ILoggerFactory loggers,
        ReplicationPositions? positions = null)
    {
        (_nodes, _provider, _settings, _clock, _logger) = (nodes, provider, settings, clock, loggers.CreateLogger(Log.Category));
        _report = new NodeReport(metrics, _logger);
        _ownPositions = positions;
        (Master, _slaves) = nodes.Create(settings.Value.Options, provider);
        _startedWithoutSlaves = _slaves.Length == 0;
        _choice = Choose();
        settings.Check(s => CanReload(s.Options));
        settings.OnChange(s => Reload(s.Options));
        metrics.Observe(Observed);
    }

    public Node Master { get; }

    /// <summary>Changes with a reload.</summary>
    public Node[] Slaves => _slaves;

    /// <summary>How this database tells what a server is and how far; null where it does not.</summary>
    public ReplicationPositions? Positions => _ownPositions ?? _provider.Dialect.Positions;

    public MasterProgress? Progress => _progress ?? (Positions is { } positions ? Interlocked.CompareExchange(ref _progress, new MasterProgress(positions, _clock), null) ?? _progress : null);

    /// <summary>Which log the master writes; null while no master is known, or where logs tell nothing.</summary>
    public UInt128? MasterLog => Positions is { LogsContinue: true } ? _history.Current : null;

    /// <summary>A connection to a server broke: whoever asks servers in the background should ask this one now.</summary>
    public Action<Node>? Suspected { get; set; }

    public Choice Choice => _choice is var choice && choice.Until == long.MaxValue || _clock.GetTimestamp() < choice.Until ? choice : Renew();

    public bool IsUsable(Node node) => node.Health.IsUsableAt(_clock.GetTimestamp());

    public NodeState StateOf(Node node) => node.Health.At(_clock.GetTimestamp());

    /// <summary>A server answered.</summary>
    /// <param name="node">The server.</param>
    /// <param name="status">What it said; null where it answered without telling.</param>
    /// <param name="asked">What was known of it when it was asked: what failed since then counts more.</param>
    public void Answered(Node node, ReplicationStatus? status, NodeHealth asked)
    {
        var options = _settings.Value.Options;
        if (node.IsFirstAnswer())
        {
            _report.Met(node, status, Positions is null);
        }

        if (status is not { } told)
        {
            Found(node, NodeState.Up, "it answers, but not how far it is", asked);
            return;
        }

        if (node.Role == DatabaseRole.Master)
        {
            if (told is { IsSlave: false, Position: { } place })
            {
                Progress!.Note(place);
                if (_history.MasterIsAt(place) && Positions!.LogsContinue)
                {
                    // Whether the slaves follow it.
                    Array.ForEach(_slaves, s => Suspected?.Invoke(s));
                }
            }
        }
        else
        {
            node.HasFollowed |= told.IsSlave;
            node.IsFollowing = told.IsSlave;
            node.Lag = told.Position is { } replayed && told.IsSlave && !node.IsSeveral ? LagOf(replayed, told.Age) : TimeSpan.Zero;
        }

        var others = Others.Beside(node, Master, _slaves, MasterLog);
        var (state, why) = NodeStateEvaluator.Of(node, told, options.MaxLag, others);
        Found(node, state, why, asked);
        _early.Note(node, state, told);
        JudgeEarly();
        lock (_changing)
        {
            _report.Hint(node, told, Master, _slaves);
        }

        if (node.Role == DatabaseRole.Slave && told.IsSlave && Master.Health.State == NodeState.Up && told.Position is { } followed && followed.Log > others.MasterLog)
        {
            // Either there is a new master, or the one that writes is a former one.
            Suspected?.Invoke(Master);
        }
    }

    /// <summary>A commit told where the master's log is.</summary>
    public void Committed(Position place) => _history.MasterIsAt(place);

    /// <summary>Whether a server at one place has everything up to another that the master still has.</summary>
    public bool IsReached(Position wanted, Position replayed) => Positions is { } positions && _history.IsReached(positions, wanted, replayed);

    /// <summary>A connection could be opened. Says nothing where servers are asked in the background: one from a pool may lead nowhere.</summary>
    public void Opened(Node node)
    {
        if (!IsAsked && node.Health is { State: not NodeState.Up } health)
        {
            Found(node, NodeState.Up, "it could be connected to", health);
        }
    }

    /// <summary>A server could not be connected to, or did not answer in time: from now on it is down.</summary>
    public void Failed(Node node, string why)
    {
        node.Forget();
        if (Found(node, NodeState.Down, why, asked: null))
        {
            // Nobody is to wait on one of them, and none may be used when the server is back.
            foreach (var pool in node.Pools())
            {
                _provider.ClearPool(pool);
            }
        }

        if (node.Role == DatabaseRole.Master)
        {
            _history.MasterIsGone();
            ReevaluateLag();
            JudgeEarly();
        }
    }

    /// <summary>A connection broke while it was in use, by a dying server or by somebody who ended just that one. Only the server can tell, so it is asked.</summary>
    /// <param name="node">The server.</param>
    /// <param name="openedAt">The clock's timestamp of its opening: one from before the server came back says nothing of it now.</param>
    public void Broke(Node node, long openedAt)
    {
        if (openedAt >= node.Health.Since)
        {
            node.Forget();
            Suspected?.Invoke(node);
        }
    }

    // What a master that is gone took with it, no slave will ever have: they are late only for what another one has.
    private TimeSpan LagOf(Position replayed, TimeSpan? age)
    {
        Position? furthest = null;
        if (Master.Health.State != NodeState.Up)
        {
            furthest = replayed;
            foreach (var slave in _slaves)
            {
                furthest = slave.Reading is { Position: var place } && Positions!.IsReached(furthest.Value, place) ? place : furthest;
            }
        }

        return Progress!.LagOf(replayed, age, _settings.Value.Options.Probe.Interval, furthest);
    }

    private void JudgeEarly()
    {
        foreach (var (slave, told) in _early.Take(Master))
        {
            Answered(slave, told, slave.Health);
        }
    }

    private void ReevaluateLag()
    {
        foreach (var slave in _slaves)
        {
            if (slave.Health is { State: NodeState.Lagging } health && slave.Reading is { Position: var place })
            {
                slave.Lag = LagOf(place, age: null);
                if (slave.Lag <= _settings.Value.Options.MaxLag)
                {
                    Found(slave, NodeState.Up, "the master is gone, and no slave has more", health);
                }
            }
        }
    }

    // Whether it was in another state before.
    private bool Found(Node node, NodeState state, string why, NodeHealth? asked)
    {
        lock (_changing)
        {
            var former = node.Health;
            if (asked is not null && !ReferenceEquals(asked, former) && former.State == NodeState.Down)
            {
                return false;
            }

            var now = _clock.GetTimestamp();
            node.Health = new NodeHealth(state, why, former.State == state ? former.Since : now, now + Ticks(Validity));
            if (!former.IsUsableAt(now) || !node.Health.IsUsableAt(now))
            {
                _choice = Choose();
            }

            // Once it is said, nobody is sent there any more.
            if (former.State != state)
            {
                _report.Changed(node, former.State, state, why);
            }

            return former.State != state;
        }
    }

    // Whether somebody asks the servers in the background; where places are told, somebody is taken to.
    private bool IsAsked => Positions is not null || Suspected is not null;

    private TimeSpan Validity => !IsAsked
        ? LeftOutWithoutProbes
        : (3 * _settings.Value.Options.Probe.Interval) + _settings.Value.Options.Probe.Timeout;

    private Choice Renew()
    {
        lock (_changing)
        {
            return _choice = Choose();
        }
    }

    private Choice Choose() => Choice.Of(_nodes, _settings.Value.Options, Master, _slaves, _clock.GetTimestamp());

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);
}
