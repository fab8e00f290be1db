using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>A slave that answers, but with the past.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class LaggingSlaveTests(UnitOfWork unit)
{
    [Test]
    public async Task A_slave_further_behind_than_MaxLag_is_asked_nothing_until_it_has_caught_up()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        var slave = cluster.Slaves[0];
        await using var app = await LoadedApp.StartAsync(unit, cluster, new() { ["Replicated:MaxLag"] = "00:00:02" });
        await app.More(300);
        var paused = Moment.Now;
        await slave.PauseReplayAsync();
        var lagging = await app.Nodes.Becomes(slave.Name, "Lagging", since: paused);
        await app.More(300);
        var resumed = Moment.Now;
        await slave.ResumeReplayAsync();
        var up = await app.Nodes.Becomes(slave.Name, "Up", since: resumed);
        await app.Visits.First(v => v.Began > up.At && v.Node == slave.Name);
        var visits = await app.Stop();

        Account.Print("a slave behind by more than MaxLag=2 s", unit,
            $"{visits.Length} requests, {visits.Failed().Length} failed; Lagging {(lagging.At - paused).TotalSeconds:F2} s after the pause, "
            + $"{visits.Begun(lagging.At, resumed).Length} requests while it was, none on it; Up {(up.At - resumed).TotalMilliseconds:F0} ms after the resume");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Failed(), Is.Empty);
            Assert.That(lagging.At - paused, Is.GreaterThan(TimeSpan.FromSeconds(1)), "It has to be that far behind first.");
            Assert.That(visits.Begun(lagging.At, resumed).On(slave.Name), Is.Empty, "went to a node that was known to lag");
            Assert.That(app.Nodes.Changes(slave.Name).Select(m => (m.Former, m.State)), Is.EqualTo(new[] { ("Up", "Lagging"), ("Lagging", "Up") }));
            Assert.That(app.Counted.Of("replicated.ejections", $"node={slave.Name}", "state=Lagging"), Is.EqualTo(1));
            Assert.That(app.Nodes.Changes(cluster.Slaves[1].Name), Is.Empty);
        });
    }
}
