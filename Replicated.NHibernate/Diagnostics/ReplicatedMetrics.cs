using System.Diagnostics.Metrics;

namespace Replicated.NHibernate.Diagnostics;

/// <summary>What is known of a node at a moment: its state, for how many seconds it has lacked something, and how many seconds old that knowledge is.</summary>
internal readonly record struct NodeFigures(string Node, string State, double? Lag, double? PositionAge);

/// <summary>What the library counts and measures; docs/observing.md explains each. Thread-safe.</summary>
internal sealed class ReplicatedMetrics : IDisposable
{
    public const string MeterName = "Replicated.NHibernate";

    public const string Sessions = "replicated.sessions";
    public const string Fallbacks = "replicated.fallbacks";
    public const string ActiveFallbacks = "replicated.fallbacks.active";
    public const string Ejections = "replicated.ejections";
    public const string Repeats = "replicated.repeats";
    public const string Tokens = "replicated.tokens";

    public const string TokensLost = "replicated.tokens.lost";

    public const string NodeTag = "node";

    private readonly Meter _meter;
    private readonly Counter<long> _sessions;
    private readonly Counter<long> _fallbacks;
    private readonly UpDownCounter<long> _activeFallbacks;
    private readonly Counter<long> _ejections;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _repeats;
    private readonly Histogram<double> _openDuration;

    public ReplicatedMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _sessions = _meter.CreateCounter<long>(Sessions, unit: "{session}", description: "Roles of scopes that got a server, by role, server and reason.");
        _openDuration = _meter.CreateHistogram<double>("replicated.open.duration", unit: "s", description: "Time to get an open connection, from the pool or from the server.");
        _fallbacks = _meter.CreateCounter<long>(Fallbacks, unit: "{session}", description: "Reads that the master took over from slaves.");
        _activeFallbacks = _meter.CreateUpDownCounter<long>(ActiveFallbacks, unit: "{session}", description: "Such reads at this moment; MaxFallbackSessions is the most.");
        _ejections = _meter.CreateCounter<long>(Ejections, unit: "{ejection}", description: "Servers that were taken out of use, by what they became.");
        _repeats = _meter.CreateCounter<long>(Repeats, unit: "{statement}", description: "First statements that were sent once more, by the server that lost them and why.");
        _tokens = _meter.CreateCounter<long>(Tokens, unit: "{token}", description: "Tokens that clients sent, by what became of them.");
        _lost = _meter.CreateCounter<long>(TokensLost, unit: "{token}", description: "Tokens of commits that came after the response had begun, so that no client hears of them.");
    }

    public bool OpensAreMeasured => _openDuration.Enabled;

    /// <summary>Measures what is asked for rather than counted.</summary>
    public void Observe(Func<IEnumerable<NodeFigures>> nodes)
    {
        _meter.CreateObservableGauge("replicated.node.lag", () => nodes().Where(n => n.Lag is not null).Select(n => Of(n.Lag!.Value, n.Node)), unit: "s", description: "For how long a slave has lacked something that the master has.");
        _meter.CreateObservableGauge("replicated.node.position.age", () => nodes().Where(n => n.PositionAge is not null).Select(n => Of(n.PositionAge!.Value, n.Node)), unit: "s", description: "How long ago a server last said how far it is.");
        _meter.CreateObservableGauge("replicated.node.state", () => nodes().Select(n => new Measurement<int>(1, new(NodeTag, n.Node), new("state", n.State))), unit: "{node}", description: "1 for the state that a server is in.");
    }

    public void SessionOpened(string role, string node, string reason) => _sessions.Add(1, new("role", role), new(NodeTag, node), new("reason", reason));

    public void OpenTook(TimeSpan time, string role, string node, string? error)
    {
        if (error is null)
        {
            _openDuration.Record(time.TotalSeconds, new("role", role), new(NodeTag, node));
        }
        else
        {
            _openDuration.Record(time.TotalSeconds, new("role", role), new(NodeTag, node), new("error.type", error));
        }
    }

    public void FallbackBegan(string reason)
    {
        _fallbacks.Add(1, new KeyValuePair<string, object?>("reason", reason));
        _activeFallbacks.Add(1);
    }

    public void FallbackEnded() => _activeFallbacks.Add(-1);

    public void Ejected(string node, string state) => _ejections.Add(1, new(NodeTag, node), new("state", state));

    public void TokenLost() => _lost.Add(1);

    public void Repeated(string node, string reason) => _repeats.Add(1, new(NodeTag, node), new("reason", reason));

    public void TokenReceived(string kind) => _tokens.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void Dispose() => _meter.Dispose();

    private static Measurement<double> Of(double value, string node) => new(value, new KeyValuePair<string, object?>(NodeTag, node));
}
