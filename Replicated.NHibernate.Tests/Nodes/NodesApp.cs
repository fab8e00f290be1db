using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Servers that do nothing but answer what they are, on virtual time, with what is logged and counted of them.</summary>
internal sealed class NodesApp : IAsyncDisposable
{
    public const int Transition = 11;
    public const int FollowsNobody = 13;
    public const int Exchanged = 14;
    public const int SlavesNow = 15;
    public const int MasterLater = 16;

    private readonly ServiceProvider _services;
    private readonly MeterListener _listener = new();

    public NodesApp(int slaves = 2, Action<IServiceCollection>? register = null, params (string Key, string Value)[] settings)
    {
        _services = Servers.Services(slaves, Clock, services => (register ?? (_ => { }))(services.AddLogging(l => l.AddProvider(Log).SetMinimumLevel(LogLevel.Debug))), settings);
        var meters = _services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Not what other tests count beside this one.
            if (ReferenceEquals(instrument.Meter.Scope, meters))
            {
                Instruments.Add(instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>(Note);
        _listener.SetMeasurementEventCallback<int>(Note);
        _listener.SetMeasurementEventCallback<double>(Note);
        _listener.Start();
        Pool = _services.GetRequiredService<NodePool>();
        NodeRegistry = _services.GetRequiredService<NodeRegistry>();
        Prober = _services.GetServices<IHostedService>().OfType<Prober>().Single();
    }

    public VirtualTime Clock { get; } = new();

    public FakeServers Servers { get; } = FakeServers.WithPositions();

    public FakePositions Positions => Servers.Positions!;

    public RecordedLog Log { get; } = new();

    public NodePool Pool { get; }

    public NodeRegistry NodeRegistry { get; }

    public Prober Prober { get; }

    public IServiceProvider Services => _services;

    /// <summary>Instrument and tags, with what was measured.</summary>
    public List<(string Name, double Value)> Measured { get; } = [];

    public List<Instrument> Instruments { get; } = [];

    public Node Slave(int index) => NodeRegistry.Slaves[index];

    public string State(int slave) => NodeRegistry.StateOf(Slave(slave)).ToString();

    /// <summary>One answer of every server, after a time.</summary>
    public async Task Sample(double seconds = 0)
    {
        Clock.Advance(TimeSpan.FromSeconds(seconds));
        await Prober.Round(default);
    }

    /// <summary>Where so many reads went.</summary>
    public async Task<string[]> Reads(int count = 20, bool strict = false)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            var opened = await Pool.OpenSlave(default, strict, async: true, default);
            names.Add(opened.Node.Name);
            await Pool.Close(opened, async: true);
        }

        return [.. names];
    }

    public void Set(params (string Key, string? Value)[] settings)
    {
        var configuration = (IConfigurationRoot)_services.GetRequiredService<IConfiguration>();
        foreach (var (key, value) in settings)
        {
            configuration[key] = value;
        }

        configuration.Reload();
    }

    public void Observe() => _listener.RecordObservableInstruments();

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        Prober.Dispose();
        return _services.DisposeAsync();
    }

    private void Note<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
        where T : struct
    {
        var shown = string.Join(", ", tags.ToArray().Select(t => $"{t.Key}={t.Value}"));
        lock (Measured)
        {
            Measured.Add(($"{instrument.Name} {shown}".TrimEnd(), Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)));
        }
    }
}
