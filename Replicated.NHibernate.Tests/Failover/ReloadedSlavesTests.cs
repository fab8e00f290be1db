using System.Globalization;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>The list of slaves changes while everybody reads.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class ReloadedSlavesTests(UnitOfWork unit)
{
    /// <summary>How far a share may be off: requests that were on their way belong to the former list.</summary>
    private const double Tolerance = 0.05;

    [Test]
    public async Task Slaves_are_added_removed_and_weighed_anew_without_a_failed_request()
    {
        await using var cluster = await SharedCluster.StartWithSchema(slaves: 3);
        var (first, second, third) = (cluster.Slaves[0], cluster.Slaves[1], cluster.Slaves[2]);
        await using var app = await LoadedApp.StartAsync(
            unit, cluster, new() { ["Replicated:LoadBalancing"] = "RoundRobin" }, slaves: [(first, 1), (second, 1)]);
        await app.More(300);

        var added = Moment.Now;
        app.Use((first, 1), (second, 1), (third, 1));
        var taken = await app.Visits.First(v => v.Node == third.Name);
        await app.More(600);

        var release = new TaskCompletionSource();
        (Visit Visit, Task Done)[] held = [.. Enumerable.Range(0, 12).Select(_ => app.Begin(release.Task))];
        await Task.WhenAll(held.Select(h => h.Visit.HasBegun.Task));
        app.Use((first, 1), (third, 1));
        var removed = Moment.Now;
        await app.More(600);
        var connectedWhileHeld = await Connections(second);
        release.SetResult();
        await Task.WhenAll(held.Select(h => h.Done));
        var drained = held.Select(h => h.Visit).On(second.Name);

        app.Use((first, 1), (third, 3));
        var weighed = Moment.Now;
        await app.More(600);
        var visits = await app.Stop();
        var (three, two, heavier) = (Shares(visits, added, removed), Shares(visits, removed, weighed), Shares(visits, weighed, after: TimeSpan.MaxValue));

        Account.Print("slaves reloaded", unit,
            $"{visits.Length} requests, {visits.Failed().Length} failed; slave-3 in use {(taken.Opened - added).TotalMilliseconds:F0} ms after it was added; "
            + $"shares {Text(three)} with three, {Text(two)} without slave-2, on which {drained.Length} held requests ended well, {Text(heavier)} with weights 1:3");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Failed(), Is.Empty);
            Assert.That(held.Select(h => h.Visit).Failed(), Is.Empty, "in flight while their slave was removed");
            Assert.That(drained, Is.Not.Empty);
            Assert.That(visits.Begun(removed).On(second.Name), Is.Empty, "went to a slave that had been removed");
            Assert.That(connectedWhileHeld, Is.GreaterThanOrEqualTo(drained.Length), "What is in flight keeps its connection.");
            Assert.That(three, Is.EqualTo(new[] { 1 / 3d, 1 / 3d, 1 / 3d }).Within(Tolerance));
            Assert.That(two, Is.EqualTo(new[] { 1 / 2d, 0, 1 / 2d }).Within(Tolerance));
            Assert.That(heavier, Is.EqualTo(new[] { 1 / 4d, 0, 3 / 4d }).Within(Tolerance));
            Assert.That(app.Nodes.Messages.All.Where(m => m.Id == NodeLog.NotOpened), Is.Empty);
            foreach (var slave in cluster.Slaves)
            {
                var served = visits.Concat(held.Select(h => h.Visit)).On(slave.Name);
                Assert.That(app.Counted.Of("replicated.sessions", "role=slave", $"node={slave.Name}"), Is.EqualTo(served.Length), $"sessions counted on {slave.Name}");
            }
        });
    }

    private static double[] Shares(Visit[] visits, TimeSpan since, TimeSpan after)
    {
        var reads = visits.Reads().Begun(since, after);
        return [.. new[] { "slave-1", "slave-2", "slave-3" }.Select(name => (double)reads.On(name).Length / reads.Length)];
    }

    private static string Text(double[] shares) => string.Join("/", shares.Select(s => s.ToString("P0", CultureInfo.InvariantCulture)));

    private static Task<long> Connections(PostgresNode node) =>
        SharedCluster.Ask<long>(node, "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()");
}
