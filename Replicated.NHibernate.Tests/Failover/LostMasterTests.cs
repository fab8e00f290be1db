using Npgsql;
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
        await app.More(300);
        var killed = Moment.Now;
        await cluster.Master.KillAsync();
        var down = await app.Nodes.Becomes("master", "Down", since: killed);
        await app.Visits.First(v => v.Began > down.At + (3 * MaxLag));
        var restarted = Moment.Now;
        await cluster.Master.StartAsync();
        var up = await app.Nodes.Becomes("master", "Up", since: restarted);
        var written = await app.Visits.First(v => v.Began > restarted && v.IsWrite && v.IsOk);
        await app.More(300);
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
        var promised = writes.Where(v => v.IsOk).Select(v => $"'{v.Id}'").ToArray();
        // Not by a pool, which would remember connections of the master that was killed.
        await using var connection = new NpgsqlConnection(cluster.Master.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand($"select count(*) from post where id in ({string.Join(", ", promised)})", connection);
        Assert.That(await count.ExecuteScalarAsync(), Is.EqualTo((long)promised.Length), "writes that were answered well");
    }
}
