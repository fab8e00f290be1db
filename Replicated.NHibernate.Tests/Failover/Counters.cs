using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>What the library's counters have counted in one application.</summary>
internal sealed class Counters : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<(string Counter, string Tags), long> _counted = new();

    public Counters(IMeterFactory meters)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Not what other tests count beside this one.
            if (instrument.Meter.Name == "Replicated.NHibernate" && ReferenceEquals(instrument.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _counted.AddOrUpdate((instrument.Name, string.Join(';', tags.ToArray().Select(t => $"{t.Key}={t.Value}"))), value, (_, former) => former + value));
        _listener.Start();
    }

    /// <summary>How often, with all of these tags (<c>node=slave-1</c>).</summary>
    public long Of(string counter, params string[] tags) =>
        _counted.Where(c => c.Key.Counter == counter && tags.All(t => c.Key.Tags.Split(';').Contains(t, StringComparer.OrdinalIgnoreCase))).Sum(c => c.Value);

    public void Dispose() => _listener.Dispose();
}
