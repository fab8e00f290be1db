using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Nobody to write to, which is no business of those who read.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class LostMasterTests(UnitOfWork unit)
{
    /// <summary>Who cannot be behind: with a small MaxLag the slaves must not be blamed for what a lost master may have written.</summary>
    private static readonly TimeSpan MaxLag = TimeSpan.FromSeconds(1);

    [Test]
    public async Task Reads_go_on_without_the_master_writes_are_refused_and_go_on_when_it_is_back()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        await using var app = await LoadedApp.StartAsync(unit, cluster, new() { ["Replicated:MaxLag"] = $"{MaxLag}" });
        await app.More(500);
        var killed = Moment.Now;
        await cluster.Master.KillAsync();
        var down = await app.Nodes.Becomes("master", "Down", since: killed);
        await app.Visits.First(v => v.Began > down.At + (3 * MaxLag));
        var restarted = Moment.Now;
        await cluster.Master.StartAsync();
        var up = await app.Nodes.Becomes("master", "Up", since: restarted);
        var written = await app.Visits.First(v => v.Began > restarted && v.IsWrite && v.IsOk);
        await app.More(500);
        var visits = await app.Stop();
        var (reads, writes) = (visits.Reads(), visits.Writes());
        var (refused, others) = (writes.Where(v => v.IsRefused).ToArray(), writes.Failed().Where(v => !v.IsRefused).ToArray());

        Account.Print("the master lost", unit,
            $"{reads.Length} reads, {reads.Failed().Length} failed; {writes.Length} writes, {refused.Length} answered 503 and {others.Length} failed on {others.Pids()}; "
            + $"the first write {(written.Began - restarted).TotalMilliseconds:F0} ms after the restart began");
        Assert.Multiple(() =>
        {
            Assert.That(reads.Failed(), Is.Empty);
            Assert.That(reads.Begun(down.At, restarted), Is.Not.Empty);
            Assert.That(writes.Begun(down.At, restarted).Where(v => !v.IsRefused), Is.Empty, "writes that were not refused although the master was known to be down");
            Assert.That(refused.Where(v => !v.HasRetryAfter), Is.Empty, "refused without Retry-After");
            Assert.That(others.Where(v => v.Node != "master" || v.Began > down.At), Is.Empty, "Only what ran on the master as it died fails in another way.");
            Assert.That(writes.Begun(up.At).Failed(), Is.Empty);
            Assert.That(app.Nodes.Messages.All.Where(m => m.Id == NodeLog.Changed && m.Node != "master"), Is.Empty, "said of the slaves");
        });
        foreach (var write in writes.Where(v => v.IsOk))
        {
            Assert.That(await SharedCluster.IsOnMaster(write.Id, cluster), Is.True, () => $"{write}");
        }
    }

    [Test]
    public async Task Reads_go_on_although_the_master_took_its_last_writes_with_it()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        await using var wire = TcpProxy.Start(cluster.Master);
        foreach (var slave in cluster.Slaves)
        {
            await slave.FollowAsync(cluster.Master, wire);
        }

        await using var app = await LoadedApp.StartAsync(unit, cluster, new() { ["Replicated:MaxLag"] = $"{MaxLag}" });
        await app.More(500);
        wire.Hang();
        var parted = Moment.Now;
        // A probe has seen what no slave will ever get.
        await app.Visits.First(v => v.Began > parted + (MaxLag / 2) && v.IsWrite && v.IsOk);
        var killed = Moment.Now;
        await cluster.Master.KillAsync();
        await app.Nodes.Becomes("master", "Down", since: killed);
        await app.Visits.First(v => v.Began > killed + (4 * MaxLag));
        var visits = await app.Stop();
        var reads = visits.Reads();

        Account.Print("the master lost with its last writes", unit,
            $"{reads.Length} reads, {reads.Failed().Length} failed; of the slaves was said: "
            + string.Join("; ", app.Nodes.Messages.All.Where(m => m.Node != "master").Select(m => $"{m.Node} {m.State}")));
        Assert.That(reads.Failed(), Is.Empty);
    }
}
