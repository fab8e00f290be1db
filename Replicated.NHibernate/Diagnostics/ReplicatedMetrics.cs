using System.Diagnostics.Metrics;

namespace Replicated.NHibernate.Diagnostics;

/// <summary>What the library counts. Thread-safe.</summary>
internal sealed class ReplicatedMetrics : IDisposable
{
    public const string MeterName = "Replicated.NHibernate";

    private readonly Meter _meter;
    private readonly Counter<long> _marks;

    public ReplicatedMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _marks = _meter.CreateCounter<long>("replicated.marks", unit: "{mark}", description: "Marks that clients sent, by what became of them.");
    }

    public void MarkReceived(string kind) => _marks.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void Dispose() => _meter.Dispose();
}
