using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Web.Status;

/// <summary>One sum of a counter, with the tags that it is for.</summary>
internal sealed class StatusCount(IReadOnlyDictionary<string, string> tags)
{
    private long _value;

    public IReadOnlyDictionary<string, string> Tags { get; } = tags;

    public long Value => Volatile.Read(ref _value);

    public void Add(long amount) => Interlocked.Add(ref _value, amount);
}

/// <summary>
/// The sums of the library's own counters since the page was mapped. It listens to what is counted anyway, so that nothing is counted twice, and nothing at all
/// where no page is mapped. Thread-safe.
/// </summary>
internal sealed class StatusCounters(IMeterFactory meters, TimeProvider clock) : IDisposable
{
    // No counter of the library has more tags; a key of its own type would have to be made for each count.
    private const int MostTags = 3;

    private readonly ConcurrentDictionary<string, ConcurrentDictionary<(string?, string?, string?), StatusCount>> _counts = new(StringComparer.Ordinal);
    private readonly Lock _starting = new();
    private MeterListener? _listener;

    /// <summary>When counting began.</summary>
    public DateTimeOffset Since { get; private set; }

    public void Start()
    {
        lock (_starting)
        {
            if (_listener is not null)
            {
                return;
            }

            Since = clock.GetUtcNow();
            _listener = new MeterListener { InstrumentPublished = Listen };
            _listener.SetMeasurementEventCallback<long>(Add);
            _listener.Start();
        }
    }

    /// <summary>The sums of a counter, in no order.</summary>
    public IEnumerable<StatusCount> Of(string instrument) => _counts.TryGetValue(instrument, out var counts) ? counts.Values : [];

    public void Dispose() => _listener?.Dispose();

    private void Listen(Instrument instrument, MeterListener listener)
    {
        // Another application in the process has a factory of its own.
        if (instrument.Meter.Name == ReplicatedMetrics.MeterName
            && ReferenceEquals(instrument.Meter.Scope, meters)
            && instrument is Counter<long> or UpDownCounter<long>)
        {
            listener.EnableMeasurementEvents(instrument, _counts.GetOrAdd(instrument.Name, static _ => new()));
        }
    }

    private static void Add(Instrument instrument, long measurement, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var counts = (ConcurrentDictionary<(string?, string?, string?), StatusCount>)state!;
        var key = (At(tags, 0), At(tags, 1), At(tags, 2));
        if (!counts.TryGetValue(key, out var count))
        {
            count = counts.GetOrAdd(key, new StatusCount(Named(tags)));
        }

        count.Add(measurement);
    }

    private static string? At(ReadOnlySpan<KeyValuePair<string, object?>> tags, int index) => index < tags.Length ? tags[index].Value as string : null;

    private static Dictionary<string, string> Named(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var named = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in tags[..Math.Min(tags.Length, MostTags)])
        {
            named[tag.Key] = tag.Value as string ?? "";
        }

        return named;
    }
}
