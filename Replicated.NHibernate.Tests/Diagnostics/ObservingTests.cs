using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Nodes;
using Replicated.NHibernate.Tests.Scopes;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Diagnostics;

/// <summary>docs/observing.md names everything that can be observed, and nothing else.</summary>
[Promise(15)]
internal sealed class ObservingTests
{
    private static readonly string Page = File.ReadAllText(SourceTree.PathOf("docs", "observing.md"));

    [Test]
    public void Every_log_message_stands_there_with_its_level()
    {
        var messages = typeof(Log).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(m => m.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().ToArray();
        Assert.That(messages.Select(m => m.EventId), Is.Unique);
        Assert.That(Rows("Id"), Is.EqualTo(messages.OrderBy(m => m.EventId).Select(m => $"{m.EventId} {m.Level}")));
    }

    [Test]
    public async Task Every_instrument_stands_there_with_its_unit()
    {
        await using var app = new NodesApp();
        app.Observe();
        Assert.That(Rows("Instrument").Order(), Is.EqualTo(app.Instruments.Select(i => $"`{i.Name}` {KindOf(i)}, {i.Unit}").Order()));
    }

    [Test]
    public async Task Every_node_is_measured_with_its_state_and_a_slave_with_its_lag()
    {
        await using var app = new NodesApp(1, null, ("Replicated:MaxLag", "00:00:05"));
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        app.Positions.Are(("master", 101));
        await app.Sample(1);
        await app.Sample(8);
        app.Clock.Advance(TimeSpan.FromSeconds(1));
        app.Observe();
        Assert.That(app.Measured, Is.SupersetOf(new[]
        {
            ("replicated.node.lag node=s0", 8.0),
            ("replicated.node.position.age node=s0", 1.0),
            ("replicated.node.position.age node=master", 1.0),
            ("replicated.node.state node=s0, state=lagging", 1.0),
            ("replicated.node.state node=master, state=up", 1.0),
            ("replicated.ejections node=s0, state=lagging", 1.0),
        }));
        Assert.That(app.Measured.Select(m => m.Name), Has.None.EqualTo("replicated.node.lag node=master"));
    }

    [Test]
    public async Task Opening_and_falling_back_are_measured()
    {
        await using var app = new NodesApp(1);
        app.Servers.Fails("s0");
        var opened = await app.Pool.OpenSlave(default, strict: false, async: true, default);
        Assert.That(app.Measured.Select(m => m.Name), Is.SupersetOf(new[]
        {
            "replicated.open.duration role=slave, node=s0, error.type=System.TimeoutException",
            "replicated.open.duration role=slave, node=master",
            "replicated.fallbacks reason=fallback",
        }));
        await app.Pool.Close(opened, async: true);
        Assert.That(app.Measured.Where(m => m.Name == "replicated.fallbacks.active").Select(m => m.Value), Is.EqualTo(new[] { 1.0, -1.0 }));
    }

    [Test]
    public void Every_state_reason_and_kind_stands_there()
    {
        foreach (var state in Enum.GetValues<NodeState>())
        {
            Assert.That(Page, Does.Contain($"`{state.Name()}`"));
        }

        foreach (var reason in Enum.GetValues<RouteReason>())
        {
            Assert.That(Page, Does.Contain($"`{reason.Name()}`"));
        }

        foreach (var kind in Enum.GetValues<Replicated.NHibernate.Consistency.TokenKind>())
        {
            Assert.That(Page, Does.Contain($"`{Replicated.NHibernate.Consistency.TokenKindNames.Name(kind)}`"));
        }
    }

    [Test]
    public async Task A_scope_and_its_wait_are_traced_and_stand_there()
    {
        using var caller = new Activity("caller").Start();
        var traced = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ReplicatedActivities.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                // Not those of other tests.
                if (activity.TraceId == caller.TraceId)
                {
                    traced.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var app = new NodesApp(1);
        app.Positions.Are(("s0", 50));
        var sessions = app.Services.GetRequiredService<IReplicatedSessions>();
        await using (sessions.BeginScope(DatabaseRole.Slave, new ConsistencyToken(app.Clock.GetUtcNow(), new Position(1, 50))))
        {
            await FakeScopes.Connection().Connect(async: true, default);
            Assert.That(Activity.Current, Is.SameAs(caller));
        }

        Assert.That(traced.Select(a => $"{a.OperationName}: {string.Join(", ", a.TagObjects.Select(t => $"{t.Key}={t.Value}"))}"), Is.EqualTo(new[]
        {
            "replicated.catch_up: replicated.node=s0, replicated.reached=True",
            "replicated.scope: replicated.slave.node=s0, replicated.slave.reason=scope",
        }));
        foreach (var name in traced.SelectMany(a => a.TagObjects.Select(t => t.Key).Append(a.OperationName)))
        {
            Assert.That(Page, Does.Contain($"`{name}`"));
        }
    }

    // The first two cells of each row of the table whose first heading it is.
    private static IEnumerable<string> Rows(string heading) => Page.Split('\n')
        .SkipWhile(l => !l.StartsWith($"| {heading} |", StringComparison.Ordinal)).Skip(2)
        .TakeWhile(l => l.StartsWith('|'))
        .Select(l => l.Split('|', StringSplitOptions.TrimEntries))
        .Select(c => $"{c[1]} {c[2]}");

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" => "counter",
        "UpDownCounter" => "up-down counter",
        "Histogram" => "histogram",
        "ObservableGauge" => "gauge",
        var other => other,
    };
}
