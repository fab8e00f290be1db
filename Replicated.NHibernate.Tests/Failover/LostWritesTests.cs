using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Replication is asynchronous: what a master wrote last may be lost with it, and no slave will ever have it.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class LostWritesTests(UnitOfWork unit)
{
    private static readonly TimeSpan MaxLag = TimeSpan.FromSeconds(2);

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
        await app.More(300);
        wire.Hang();
        var parted = Moment.Now;
        // Longer than an interval: a probe has seen what no slave will ever get. Shorter than MaxLag: nobody holds it against the slaves yet.
        await app.Visits.First(v => v.Began > parted + TimeSpan.FromSeconds(1.2) && v.IsWrite && v.IsOk);
        var killed = Moment.Now;
        await cluster.Master.KillAsync();
        await app.Nodes.Becomes("master", "Down", since: killed);
        await app.Visits.First(v => v.Began > killed + (2.5 * MaxLag));
        var visits = await app.Stop();
        var reads = visits.Reads();

        Account.Print("the master lost with its last writes", unit,
            $"{reads.Length} reads, {reads.Failed().Length} failed; of the slaves was said: "
            + string.Join("; ", app.Nodes.Messages.All.Where(m => m.Node != "master").Select(m => $"{m.Node} {m.State}")));
        Assert.That(reads.Failed(), Is.Empty);
    }
}
