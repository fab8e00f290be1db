using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Web.Status;

/// <summary>What was known of the servers at one moment, and how many sessions each had got by then.</summary>
internal sealed record StatusSample(long At, IReadOnlyDictionary<string, double?> Lags, IReadOnlyDictionary<string, long> Sessions);

/// <summary>The samples of the last minutes, one a second, taken from memory. Thread-safe.</summary>
internal sealed class StatusHistory(NodeRegistry registry, StatusCounters counters, TimeProvider clock) : IDisposable
{
    public const int Length = 300;

    /// <summary>How far apart two samples are.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Queue<StatusSample> _samples = new(Length + 1);
    private ITimer? _timer;

    public void Start()
    {
        lock (_lock)
        {
            _timer ??= clock.CreateTimer(_ => Take(), state: null, Interval, Interval);
        }
    }

    /// <summary>The oldest first.</summary>
    public StatusSample[] Samples()
    {
        lock (_lock)
        {
            return [.. _samples];
        }
    }

    /// <summary>What is known now.</summary>
    public StatusSample Now()
    {
        var lags = registry.Slaves.ToDictionary(s => s.Name, LagOf, StringComparer.Ordinal);
        var sessions = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var count in counters.Of(ReplicatedMetrics.Sessions))
        {
            var node = count.Tags.GetValueOrDefault(ReplicatedMetrics.NodeTag, "");
            sessions[node] = sessions.GetValueOrDefault(node) + count.Value;
        }

        return new StatusSample(clock.GetTimestamp(), lags, sessions);
    }

    /// <summary>For how many seconds a slave has lacked something; null where nobody knows.</summary>
    public double? LagOf(Node node) =>
        node.Role == DatabaseRole.Slave && node.Reading is not null && registry.StateOf(node) != NodeState.Unknown ? Math.Round(node.Lag.TotalSeconds, 3) : null;

    public void Dispose() => _timer?.Dispose();

    private void Take()
    {
        var sample = Now();
        lock (_lock)
        {
            _samples.Enqueue(sample);
            if (_samples.Count > Length)
            {
                _samples.Dequeue();
            }
        }
    }
}
