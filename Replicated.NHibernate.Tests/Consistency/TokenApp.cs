using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Settings;
using Replicated.NHibernate.Tests.Nodes;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>The rules of tokens over servers that do nothing but tell places, on virtual time, and what was counted.</summary>
internal sealed class TokenApp : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly MeterListener _listener = new();
    private readonly long[] _counted = new long[Kinds.Length];

    public TokenApp(int slaves = 1, bool positions = true, params (string Key, string Value)[] settings)
    {
        Servers = positions ? FakeServers.WithPositions() : new FakeServers();
        _services = Servers.Services(slaves, Clock, settings);
        var meters = _services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Not what other tests count beside this one.
            if (instrument.Name == "replicated.tokens" && ReferenceEquals(instrument.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) => _counted[Array.IndexOf(Kinds, (string?)tags[0].Value)] += value);
        _listener.Start();
        Rules = _services.GetRequiredService<TokenValidator>();
        Pool = _services.GetRequiredService<NodePool>();
    }

    /// <summary>As the metric's tag names them.</summary>
    public static string[] Kinds { get; } = ["accepted", "malformed", "too-old", "future", "beyond-master"];

    public VirtualTime Clock { get; } = new();

    public FakeServers Servers { get; }

    public TokenValidator Rules { get; }

    public NodePool Pool { get; }

    public NodeQuestions Questions => _services.GetRequiredService<NodeQuestions>();

    public Prober Prober => _services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<Prober>().Single();

    /// <summary>What the metric counted, without the kinds that did not come.</summary>
    public Dictionary<string, long> Counted => Kinds.Zip(_counted).Where(k => k.Second > 0).ToDictionary(k => k.First, k => k.Second, StringComparer.Ordinal);

    public void Set(string key, string value)
    {
        var configuration = (IConfigurationRoot)_services.GetRequiredService<IConfiguration>();
        configuration[key] = value;
        configuration.Reload();
    }

    /// <summary>A token of so long ago.</summary>
    public ConsistencyToken Written(TimeSpan ago, ulong? offset = null, ulong log = 1) => new(Clock.GetUtcNow() - ago, offset is { } o ? new Position(log, o) : null);

    public ConsistencyToken? Accept(ConsistencyToken token) => Rules.Accept(token.ToString());

    public void Dispose()
    {
        _listener.Dispose();
        _services.Dispose();
    }
}
