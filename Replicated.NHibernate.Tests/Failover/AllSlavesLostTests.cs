using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>No slave is left, and the master must not be drowned by what they did.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class AllSlavesLostTests(UnitOfWork unit)
{
    private const int Cap = 8;

    [Test]
    public async Task The_master_takes_over_as_many_reads_as_the_cap_allows_refuses_the_others_and_goes_on_writing()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        await using var app = await LoadedApp.StartAsync(unit, cluster, new() { ["Replicated:MaxFallbackSessions"] = $"{Cap}" });
        await app.More(300);
        await using var watch = ReadsOnMaster.Watch(cluster.Master);
        var killed = Moment.Now;
        await Task.WhenAll(cluster.Slaves.Select(s => s.KillAsync()));
        foreach (var slave in cluster.Slaves)
        {
            await app.Nodes.Becomes(slave.Name, "Down", since: killed);
        }

        var allDown = Moment.Now;
        await app.More(300);
        var restarted = Moment.Now;
        await Task.WhenAll(cluster.Slaves.Select(s => s.StartAsync()));
        foreach (var slave in cluster.Slaves)
        {
            await app.Nodes.Becomes(slave.Name, "Up", since: restarted);
        }

        var allUp = Moment.Now;
        await app.More(300);
        var visits = await app.Stop();
        var (failed, takenOver) = (visits.Failed(), visits.Reads().On("master"));
        var refused = visits.Where(v => v.IsRefused).ToArray();
        var others = failed.Except(refused).ToArray();

        Account.Print("all slaves lost", unit,
            $"{visits.Length} requests; the master took {takenOver.Length} reads over, at most {takenOver.MostAtOnce()} at once ({watch.Most} by its own count; the cap is {Cap}); "
            + $"{refused.Length} answered 503, {others.Length} failed on the slaves ({others.Pids()}); {visits.Writes().Length} writes, {visits.Writes().Failed().Length} failed");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Writes().Failed(), Is.Empty, "Writes go on.");
            Assert.That(visits.Writes().Begun(allDown, restarted), Is.Not.Empty, "writes while no slave was there");
            Assert.That(takenOver.MostAtOnce(), Is.InRange(1, Cap));
            Assert.That(watch.Most, Is.InRange(1, Cap));
            Assert.That(takenOver.Where(v => v.Reason != RouteReason.Fallback), Is.Empty);
            Assert.That(app.Counted.Of("replicated.fallbacks"), Is.EqualTo(takenOver.Length));
            Assert.That(refused, Is.Not.Empty);
            Assert.That(refused.Where(v => !v.HasRetryAfter), Is.Empty, "refused without Retry-After");
            Assert.That(others.Where(v => v.Node?.StartsWith("slave-", StringComparison.Ordinal) != true), Is.Empty, "failed elsewhere than on the killed slaves");
            Assert.That(visits.Begun(allDown, restarted).Failed().Where(v => !v.IsRefused), Is.Empty, "With all of them known to be down nothing fails but by the cap.");
            Assert.That(visits.Begun(allUp).Failed(), Is.Empty);
            Assert.That(visits.Begun(allUp).Reads().On("master"), Is.Empty, "The slaves are back.");
        });
    }
}
