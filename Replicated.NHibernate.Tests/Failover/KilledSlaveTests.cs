using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>A slave that is gone from one moment to the next while everybody reads.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class KilledSlaveTests(UnitOfWork unit)
{
    private static readonly TimeSpan TwoProbes = TimeSpan.FromSeconds(2);

    [Test]
    public async Task Only_what_ran_on_a_killed_slave_fails_and_after_its_restart_it_is_soon_in_use_again()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        await using var app = await LoadedApp.StartAsync(unit, cluster);
        var slave = cluster.Slaves[0];
        await app.More(300);
        var killed = Moment.Now;
        await slave.KillAsync();
        var down = await app.Nodes.Becomes(slave.Name, "Down", since: killed);
        await app.More(300);
        var restarted = Moment.Now;
        await slave.StartAsync();
        var ready = Moment.Now;
        var back = await app.Visits.First(v => v.Began > restarted && v.IsOk && v.Node == slave.Name);
        await app.More(300);
        var visits = await app.Stop();
        var failed = visits.Failed();
        var before = app.Nodes.FailedOpens(slave.Name).Count(m => m.At < down.At);

        Account.Print("kill -9 of a slave", unit,
            $"{visits.Length} requests, {failed.Length} failed, {failed.Count(v => v.Statements == 0)} of them before their first statement, on {failed.Pids()}; "
            + $"Down {(down.At - killed).TotalMilliseconds:F0} ms after the kill, {before} failed opens before that and {app.Nodes.FailedOpens(slave.Name).Count() - before} later; "
            + $"in use {(back.Opened - ready).TotalMilliseconds:F0} ms after it could answer again");
        Assert.Multiple(() =>
        {
            Assert.That(failed, Is.Not.Empty, "The kill was to hit requests.");
            Assert.That(failed.Where(v => v.Port != slave.Port || v.Pid is null), Is.Empty, "failed elsewhere");
            Assert.That(failed.Where(v => v.Statements == 0), Is.Empty, "failed before they had read anything");
            Assert.That(visits.Begun(down.At, restarted).On(slave.Name), Is.Empty, "went to a node that was known to be down");
            Assert.That(app.Nodes.Changes(slave.Name).Select(m => m.State), Is.EqualTo(new[] { "Down", "Up" }));
            Assert.That(app.Counted.Of("replicated.ejections", $"node={slave.Name}", "state=Down"), Is.EqualTo(1));
            Assert.That(before, Is.LessThanOrEqualTo(1));
            Assert.That(app.Nodes.Messages.All.Where(m => m.Node != slave.Name), Is.Empty, "said of the others");
            Assert.That(back.Opened - ready, Is.LessThan(TwoProbes));
        });
    }

    [Test]
    public async Task No_read_fails_that_had_not_received_a_row_when_its_slave_was_killed()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        await using var app = await LoadedApp.StartAsync(unit, cluster, writes: false, oneStatement: true);
        var slave = cluster.Slaves[0];
        await app.More(300);
        var killed = Moment.Now;
        await slave.KillAsync();
        var down = await app.Nodes.Becomes(slave.Name, "Down", since: killed);
        await app.More(300);
        var visits = await app.Stop();
        var repeated = app.Counted.Of("replicated.repeats", $"node={slave.Name}");

        Account.Print("kill -9 of a slave, reads of one statement", unit,
            $"{visits.Length} requests, {visits.Failed().Length} failed, {repeated} statements sent once more; Down {(down.At - killed).TotalMilliseconds:F0} ms after the kill");
        Assert.That(visits.Failed(), Is.Empty);
        Assert.That(repeated, Is.GreaterThan(0), "The kill was to hit statements.");
    }

    [Test]
    public async Task A_slave_that_the_application_alone_cannot_reach_is_left_out_until_it_can()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        var slave = cluster.Slaves[0];
        await using var wire = TcpProxy.Start(slave);
        await using var app = await LoadedApp.StartAsync(unit, cluster, connect: node => node == slave ? wire.Through(node.ConnectionString) : node.ConnectionString);
        await app.More(300);
        var cut = Moment.Now;
        await wire.CutAsync();
        var down = await app.Nodes.Becomes(slave.Name, "Down", since: cut);
        await app.More(300);
        await slave.WaitUntilReplayedAsync(await cluster.Master.CurrentLsnAsync());
        var restored = Moment.Now;
        await wire.RestoreAsync();
        var back = await app.Visits.First(v => v.Began > restored && v.IsOk && v.Node == slave.Name);
        var visits = await app.Stop();
        var failed = visits.Failed();

        Account.Print("a slave cut from the application", unit,
            $"{visits.Length} requests, {failed.Length} failed, on {failed.Pids()}; Down {(down.At - cut).TotalMilliseconds:F0} ms after the cut; "
            + $"in use {(back.Opened - restored).TotalMilliseconds:F0} ms after the wire was whole again");
        Assert.Multiple(() =>
        {
            Assert.That(failed, Is.Not.Empty, "The cut was to hit requests.");
            Assert.That(failed.Where(v => v.Node != slave.Name), Is.Empty, "failed elsewhere");
            Assert.That(visits.Begun(down.At, restored).On(slave.Name), Is.Empty, "went to a node that was known to be down");
            Assert.That(app.Nodes.Changes(slave.Name).Select(m => m.State), Is.EqualTo(new[] { "Down", "Up" }));
            Assert.That(back.Opened - restored, Is.LessThan(TwoProbes));
        });
    }
}
