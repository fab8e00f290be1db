using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

[Promise(15), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class HealthCheckTests : IAsyncDisposable
{
    private NodesApp _app = null!;

    [SetUp]
    public async Task Start()
    {
        _app = new NodesApp(2, s => s.AddHealthChecks().AddReplicated(tags: ["ready"]));
        _app.Positions.Are(("master", 100), ("s0", 100), ("s1", 100));
        await _app.Sample();
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Test]
    public async Task Healthy_while_every_server_can_be_used_and_it_asks_none()
    {
        var asked = _app.Positions.Questions.Count;
        var entry = await Entry();
        Assert.That((entry.Status, entry.Tags, _app.Positions.Questions.Count), Is.EqualTo((HealthStatus.Healthy, new[] { "ready" }, asked)));
        Assert.That(entry.Data, Is.EqualTo(new Dictionary<string, object> { ["master"] = "Up", ["s0"] = "Up, 0.0 s behind", ["s1"] = "Up, 0.0 s behind" }));
    }

    [Test]
    public async Task Degraded_while_the_master_still_serves([Values(1, 2)] int lost)
    {
        _app.Positions.Fails("s1");
        if (lost == 2)
        {
            _app.Positions.Follows["s0"] = false;
        }

        await _app.Sample(1);
        var entry = await Entry();
        Assert.That(entry.Status, Is.EqualTo(HealthStatus.Degraded));
        Assert.That(entry.Description, Does.Contain("s1 is Down: it did not answer within Probe:Timeout."));
        Assert.That(entry.Description!.Contains("s0 is WrongRole", StringComparison.Ordinal), Is.EqualTo(lost == 2));
    }

    [Test]
    public async Task Unhealthy_without_a_master()
    {
        _app.Servers.Fails("master");
        _app.Positions.Fails("master");
        await _app.Sample(1);
        Assert.That(((await Entry()).Status, (await Entry()).Data["master"]), Is.EqualTo((HealthStatus.Unhealthy, (object)"Down")));
    }

    private async Task<HealthReportEntry> Entry() =>
        (await _app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["replicated"];
}
