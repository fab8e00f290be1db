using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>What is known of servers that nobody could ask, or that only answer.</summary>
[Promise(13), Promise(15)]
internal sealed class SilentServersTests
{
    [TestCase(new string[0], HealthStatus.Healthy)]
    [TestCase(new[] { "s0" }, HealthStatus.Degraded)]
    [TestCase(new[] { "master", "s0" }, HealthStatus.Unhealthy)]
    public async Task Servers_that_tell_no_positions_are_asked_whether_they_answer(string[] gone, HealthStatus expected)
    {
        var servers = new FakeServers();
        servers.Fails(gone);
        await using var services = servers.Services(1, new VirtualTime(), s => s.AddLogging().AddHealthChecks().AddReplicated());
        using var prober = services.GetServices<IHostedService>().OfType<Prober>().Single();
        await prober.Round(default);
        Assert.That(await Health(services), Is.EqualTo(expected));
    }

    [Test]
    public async Task Server_that_nobody_could_ask_is_not_healthy()
    {
        await using var app = new NodesApp(1, s => s.AddHealthChecks().AddReplicated());
        app.Positions.Are(("master", 100), ("s0", 100));
        var atStart = await Health(app.Services);
        await app.Sample();
        var asked = await Health(app.Services);
        app.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.That((atStart, asked, await Health(app.Services)), Is.EqualTo((HealthStatus.Degraded, HealthStatus.Healthy, HealthStatus.Degraded)));
    }

    [Test]
    public async Task Server_that_came_back_is_up_only_when_the_application_can_connect_to_it()
    {
        await using var app = new NodesApp(1);
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        app.NodeRegistry.Failed(app.Slave(0), "it is away");
        var opens = 0;
        app.Servers.Opening = name => name == "s0" && ++opens % 2 == 0 ? throw new TimeoutException(name) : Task.CompletedTask;
        await app.Sample(1);
        var (state, why) = (app.State(0), app.Slave(0).Health.Why);
        app.Servers.Opening = _ => Task.CompletedTask;
        await app.Sample(1);
        Assert.That((state, why), Is.EqualTo(("Down", "it answers, but cannot be connected to with the application's own connection string (TimeoutException)")));
        Assert.That(app.State(0), Is.EqualTo("Up"));
    }

    [Test]
    public async Task Each_server_is_introduced_once()
    {
        await using var app = new NodesApp(1);
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        await app.Sample(1);
        Assert.That(app.Log.Messages(39), Is.EquivalentTo(new[]
        {
            "Node master at an address that is not shown takes writes. Server: unknown; cluster: unknown. Positions: on; read-only mode of slave sessions: on; MaxLag: of no use. Said once per node.",
            "Node s0 at an address that is not shown follows a master. Server: unknown; cluster: unknown. Positions: on; read-only mode of slave sessions: on; MaxLag: on. Said once per node.",
        }));
    }

    private static async Task<HealthStatus> Health(IServiceProvider services) => (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;
}
