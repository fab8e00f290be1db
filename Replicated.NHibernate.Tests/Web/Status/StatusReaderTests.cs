using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Nodes;
using Replicated.NHibernate.Tests.Scopes;
using Replicated.NHibernate.Web.Status;

namespace Replicated.NHibernate.Tests.Web.Status;

/// <summary>What the status page shows is what this process knows.</summary>
[Promise(15)]
internal sealed class StatusReaderTests
{
    [Test]
    public async Task A_lagging_slave_shows_its_state_with_since_and_why()
    {
        await using var app = new NodesApp(1, null, ("Replicated:MaxLag", "00:00:05"));
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        app.Positions.Are(("master", 101));
        await app.Sample(1);
        await app.Sample(8);
        var changed = app.Clock.GetUtcNow();
        app.Clock.Advance(TimeSpan.FromSeconds(2));
        var slave = Read(app).Nodes.Single(n => n.Name == "s0");

        Assert.That((slave.State, slave.IsUsed, slave.Since, slave.LagSeconds, slave.PositionAgeSeconds), Is.EqualTo(("lagging", false, changed, 8.0, 2.0)));
        Assert.That(slave.Why, Does.Contain("more than MaxLag"));
    }

    [Test]
    public async Task A_state_that_nobody_renewed_shows_as_unknown_since_it_ran_out()
    {
        await using var app = new NodesApp(1);
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        var until = app.Clock.GetUtcNow() + TimeSpan.FromSeconds(4);
        app.Clock.Advance(TimeSpan.FromSeconds(60));
        var slave = Read(app).Nodes.Single(n => n.Name == "s0");

        Assert.That((slave.State, slave.Since, slave.LagSeconds), Is.EqualTo(("unknown", (DateTimeOffset?)until, (double?)null)));
        Assert.That(slave.Why, Does.Contain("it was up"));
    }

    [Test]
    public async Task The_lag_of_each_second_is_kept_for_five_minutes_and_is_unknown_while_a_slave_is_down()
    {
        await using var app = new NodesApp(1);
        app.Services.GetRequiredService<StatusHistory>().Start();
        app.Positions.Are(("master", 100), ("s0", 100));
        await app.Sample();
        app.Clock.Advance(TimeSpan.FromSeconds(2));
        app.NodeRegistry.Failed(app.Slave(0), "it is gone");
        app.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Read(app).Nodes.Single(n => n.Name == "s0").LagHistory, Is.EqualTo(new double?[] { 0, 0, null }));

        app.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.That(Read(app).Nodes.Single(n => n.Name == "s0").LagHistory, Has.Count.EqualTo(300));
    }

    [Test]
    public async Task Sessions_are_counted_by_server_and_reason_from_the_start_of_counting()
    {
        await using var app = new NodesApp(1);
        await Connect(app);
        Assert.That(Read(app).Sessions, Is.Empty);

        app.Services.GetRequiredService<StatusCounters>().Start();
        var began = app.Clock.GetUtcNow();
        app.Clock.Advance(TimeSpan.FromSeconds(7));
        await Connect(app);
        await Connect(app);
        Assert.That(Read(app).Instance.CountingSince, Is.EqualTo(began));
        Assert.That(Read(app).Sessions, Is.EqualTo(new[] { new SessionCount("slave", "s0", "scope", 2) }));
    }

    [Test]
    public async Task Another_application_of_the_process_is_not_counted()
    {
        await using var app = new NodesApp(1);
        await using var other = new NodesApp(1);
        app.Services.GetRequiredService<StatusCounters>().Start();
        await Connect(other);
        Assert.That(Read(app).Sessions, Is.Empty);
    }

    [Test]
    public async Task Reads_that_the_master_took_over_are_counted_and_the_active_ones_end()
    {
        await using var app = new NodesApp(1);
        app.Services.GetRequiredService<StatusCounters>().Start();
        app.Servers.Fails("s0");
        var opened = await app.Pool.OpenSlave(default, strict: false, async: true, default);
        var during = Read(app).Fallbacks;
        await app.Pool.Close(opened, async: true);
        var after = Read(app).Fallbacks;

        Assert.That((during.Active, after.Active), Is.EqualTo((1, 0)));
        Assert.That(after.Counts.Select(c => (c.Tags["reason"], c.Count)), Is.EqualTo(new[] { ("fallback", 1L) }));
    }

    [Test]
    public async Task Sessions_per_second_are_those_of_the_last_ten_seconds()
    {
        await using var app = new NodesApp(1);
        app.Services.GetRequiredService<StatusCounters>().Start();
        app.Services.GetRequiredService<StatusHistory>().Start();
        app.Clock.Advance(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 5; i++)
        {
            await Connect(app);
        }

        app.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That(Read(app).Nodes.Single(n => n.Name == "s0").SessionsPerSecond, Is.EqualTo(0.5));
        app.Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.That(Read(app).Nodes.Single(n => n.Name == "s0").SessionsPerSecond, Is.Zero);
    }

    private static ReplicatedStatus Read(NodesApp app) => app.Services.GetRequiredService<StatusReader>().Read();

    private static async Task Connect(NodesApp app)
    {
        await using (app.Services.GetRequiredService<IReplicatedSessions>().BeginScope(DatabaseRole.Slave))
        {
            await FakeScopes.Connection().Connect(async: true, default);
        }
    }
}
