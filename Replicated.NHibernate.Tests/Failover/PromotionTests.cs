using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>One of the slaves becomes the master, and nobody tells the application.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class PromotionTests(UnitOfWork unit)
{
    [Test]
    public async Task A_promoted_slave_is_a_slave_no_more_and_writes_find_it()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        var (promoted, other) = (cluster.Slaves[0], cluster.Slaves[1]);
        await using var app = await LoadedApp.StartAsync(unit, cluster, new() { ["ConnectionStrings:Master"] = Either(cluster.Master, promoted) });
        await app.More(300);
        var killed = Moment.Now;
        await cluster.Master.KillAsync();
        await app.Nodes.Becomes("master", "Down", since: killed);
        await promoted.PromoteAsync();
        var asMaster = Moment.Now;
        await other.FollowAsync(promoted);
        var wrong = await app.Nodes.Becomes(promoted.Name, "WrongRole", since: killed);
        var written = await app.Visits.First(v => v.Began > asMaster && v.IsWrite && v.IsOk);
        var up = await app.Nodes.Becomes("master", "Up", since: killed);
        await app.More(300);
        var visits = await app.Stop();
        var (reads, writes) = (visits.Reads(), visits.Writes());

        Account.Print("a slave promoted", unit,
            $"{reads.Length} reads, {reads.Failed().Length} failed; {writes.Length} writes, {writes.Count(v => v.IsRefused)} answered 503 and {writes.Failed().Count(v => !v.IsRefused)} failed otherwise; "
            + $"WrongRole {(wrong.At - asMaster).TotalMilliseconds:F0} ms and the first write {(written.Began - asMaster).TotalMilliseconds:F0} ms after the promotion");
        Assert.Multiple(() =>
        {
            Assert.That(reads.Failed(), Is.Empty);
            Assert.That(reads.Begun(wrong.At).On(promoted.Name), Is.Empty, "read from a slave that is one no more");
            Assert.That(reads.Begun(up.At).On(other.Name), Is.Not.Empty);
            Assert.That(written.Port, Is.EqualTo(promoted.Port), "by the server's own word");
            Assert.That(writes.Begun(up.At).Failed(), Is.Empty);
            Assert.That(app.Nodes.Changes(promoted.Name).Select(m => m.State), Is.EqualTo(new[] { "WrongRole" }));
            Assert.That(app.Counted.Of("replicated.ejections", $"node={promoted.Name}", "state=wrong-role"), Is.EqualTo(1));
        });
    }

    /// <summary>The provider remembers for a while which of them was the master: ten seconds, if it is not told otherwise.</summary>
    private static string Either(PostgresNode former, PostgresNode next) => new NpgsqlConnectionStringBuilder(LoadedApp.Impatient(former.ConnectionString))
    {
        Host = $"127.0.0.1:{former.Port},127.0.0.1:{next.Port}",
        TargetSessionAttributes = "primary",
        HostRecheckSeconds = 1,
    }.ConnectionString;
}
