using System.Net;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Failover;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>What happens to the servers, under load: the bounds are those of PostgreSQL.</summary>
[Promise(13)]
internal sealed class MariaDbFailoverTests
{
    private const int NodeNotOpened = 2;
    private const int Cap = 8;
    private static readonly TimeSpan TwoProbes = TimeSpan.FromSeconds(2);

    [Test]
    public async Task Only_what_ran_on_a_killed_slave_fails_and_after_its_restart_it_is_soon_in_use_again()
    {
        await using var cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await using var load = await MariaDbLoad.StartAsync(cluster);
        var slave = cluster.Slaves[0];
        await load.More(300);
        var killed = Moment.Now;
        await slave.KillAsync();
        var down = await load.UntilNode(slave.Name, NodeState.Down);
        await load.More(300);
        await slave.StartAsync();
        var ready = Moment.Now;
        var back = await load.First(v => v.Began > ready && v.IsOk && v.Node == slave.Name);
        await load.More(300);
        var visits = await load.Stop();
        var failed = visits.Where(v => !v.IsOk).ToArray();
        Print($"kill -9 of a slave: {visits.Length} requests, {failed.Length} failed; Down {(down - killed).TotalMilliseconds:F0} ms after the kill; in use {(back.Began - ready).TotalMilliseconds:F0} ms after it could answer again");
        Assert.Multiple(() =>
        {
            Assert.That(failed.Where(v => v.Node != slave.Name), Is.Empty, "failed elsewhere");
            Assert.That(visits.Where(v => v.Began > down && v.Began < ready && v.Node == slave.Name), Is.Empty, "went to a node that was known to be down");
            Assert.That(visits.Where(v => v.Began > back.Began && !v.IsOk), Is.Empty, "failed after its return");
            Assert.That(back.Began - ready, Is.LessThan(TwoProbes));
        });
    }

    [Test]
    public async Task Nobody_joins_those_who_wait_on_a_slave_that_hangs()
    {
        await using var cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await using var load = await MariaDbLoad.StartAsync(cluster);
        var slave = cluster.Slaves[1];
        await load.More(300);
        var hung = Moment.Now;
        slave.Hang();
        var down = await load.UntilNode(slave.Name, NodeState.Down);
        await load.More(300);
        var goesOn = Moment.Now;
        slave.GoOn();
        var back = await load.First(v => v.Began > goesOn && v.IsOk && v.Node == slave.Name);
        var visits = await load.Stop();
        var failed = visits.Where(v => !v.IsOk).ToArray();
        Print($"a slave that hangs: {visits.Length} requests, {failed.Length} failed; Down {(down - hung).TotalMilliseconds:F0} ms later; in use {(back.Began - goesOn).TotalMilliseconds:F0} ms after it went on");
        Assert.Multiple(() =>
        {
            Assert.That(failed.Where(v => v.Node != slave.Name), Is.Empty, "failed elsewhere");
            Assert.That(failed.Where(v => v.Began > down), Is.Empty, "joined after it was known");
            Assert.That(down - hung, Is.LessThan(TwoProbes + TwoProbes));
        });
    }

    [Test]
    public async Task Slave_that_lags_too_far_gets_no_read_until_it_has_caught_up()
    {
        await using var cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await using var load = await MariaDbLoad.StartAsync(cluster, ("Replicated:MaxLag", "00:00:01"), ("Replicated:Probe:Interval", "00:00:00.2"));
        var slave = cluster.Slaves[0];
        await slave.PauseAsync();
        var lagging = await load.UntilNode(slave.Name, NodeState.Lagging);
        await load.More(300);
        var resumed = Moment.Now;
        await slave.ResumeAsync();
        await load.UntilNode(slave.Name, NodeState.Up);
        var back = await load.First(v => v.Began > resumed && v.Node == slave.Name);
        var visits = await load.Stop();
        Print($"a slave that lags: {visits.Count(v => v.Began > lagging && v.Began < resumed)} requests meanwhile; in use {(back.Began - resumed).TotalMilliseconds:F0} ms after it could catch up");
        Assert.That(visits.Where(v => v.Began > lagging && v.Began < resumed && v.Node == slave.Name), Is.Empty);
        Assert.That(visits.Where(v => !v.IsOk), Is.Empty);
    }

    [Test]
    public async Task Reads_go_on_without_a_master_and_leave_a_slave_that_was_promoted()
    {
        await using var cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await using var load = await MariaDbLoad.StartAsync(cluster);
        await load.More(200);
        await cluster.Master.KillAsync();
        var lost = await load.UntilNode("master", NodeState.Down);
        await load.More(200);
        await cluster.Slaves[0].PromoteAsync();
        var promoted = await load.UntilNode("slave-1", NodeState.WrongRole);
        await load.More(200);
        var visits = await load.Stop();
        var writes = visits.Where(v => v.IsWrite && v.Began > lost).ToArray();
        Print($"a lost master and a promoted slave: {visits.Length} requests, {visits.Count(v => !v.IsWrite && !v.IsOk)} reads failed, {writes.Length} writes were refused");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Where(v => !v.IsWrite && !v.IsOk), Is.Empty, "reads that failed");
            Assert.That(writes.Select(v => v.Status).Distinct(), Is.EqualTo(new[] { HttpStatusCode.ServiceUnavailable }));
            Assert.That(visits.Where(v => !v.IsWrite && v.Began > promoted).Select(v => v.Node).Distinct(), Is.EqualTo(new[] { "slave-2" }));
        });
    }

    [Test]
    public async Task Master_takes_over_the_reads_up_to_the_cap_when_all_slaves_are_gone()
    {
        await using var cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await using var load = await MariaDbLoad.StartAsync(cluster, ("Replicated:MaxFallbackSessions", $"{Cap}"));
        await load.More(200);
        await Task.WhenAll(cluster.Slaves.Select(s => s.KillAsync()));
        var allDown = (await Task.WhenAll(cluster.Slaves.Select(s => load.UntilNode(s.Name, NodeState.Down)))).Max();
        await load.More(400);
        using var strict = await load.Strict();
        var restarted = Moment.Now;
        await Task.WhenAll(cluster.Slaves.Select(s => s.StartAsync()));
        await load.UntilAll(NodeState.Up);
        var allUp = Moment.Now;
        await load.More(200);
        var visits = await load.Stop();
        var meanwhile = visits.Where(v => v.Began > allDown && v.Began < restarted).ToArray();
        Print($"all slaves lost: {meanwhile.Length} requests meanwhile, {meanwhile.Count(v => !v.IsWrite && v.IsOk)} read by the master, {meanwhile.Count(v => !v.IsOk)} refused by the cap");
        Assert.Multiple(() =>
        {
            Assert.That(strict.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            Assert.That(meanwhile.Where(v => v.IsWrite && !v.IsOk), Is.Empty, "writes that failed");
            Assert.That(meanwhile.Where(v => !v.IsWrite && v.IsOk).Select(v => (v.Node, v.Reason)).Distinct(), Is.EqualTo(new[] { ("master", "Fallback") }));
            Assert.That(meanwhile.Where(v => !v.IsOk && v.Status != HttpStatusCode.ServiceUnavailable), Is.Empty);
            Assert.That(visits.Where(v => v.Began > allUp && !v.IsOk), Is.Empty);
            Assert.That(visits.Where(v => v.Began > allUp && !v.IsWrite && v.Node == "master"), Is.Empty, "The slaves are back.");
            Assert.That(load.Log.Messages(NodeNotOpened).Count(), Is.LessThan(visits.Length / 10));
        });
    }

    private static void Print(string figures) => TestContext.Out.WriteLine(figures);
}
