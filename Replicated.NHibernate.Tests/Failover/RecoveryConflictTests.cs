using System.Net;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Reads that slaves cancel because what they replay cannot wait for them.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class RecoveryConflictTests(UnitOfWork unit)
{
    private const int Rounds = 6;
    private const int AtOnce = 10;
    private const string Reading = "select count(*) from disputed, pg_sleep(1)";

    [TestCase("/run")]
    [TestCase("/slave")]
    public async Task First_statement_that_a_slave_cancels_for_recovery_is_sent_once_more(string path)
    {
        var (replies, repeated) = await Run(path, repeat: true);
        Account.Print($"conflicts with recovery on {path}", unit, $"{replies.Length} reads, {replies.Count(r => r.Status != HttpStatusCode.OK)} failed, {repeated} sent once more");
        Assert.That(replies.Where(r => r.Status != HttpStatusCode.OK), Is.Empty);
        Assert.That(repeated, Is.GreaterThanOrEqualTo(Rounds), "Each round was to cancel reads.");
    }

    [Test]
    public async Task It_fails_where_repeating_is_off()
    {
        var (replies, repeated) = await Run("/run", repeat: false);
        Account.Print("conflicts with recovery, not repeated", unit, $"{replies.Length} reads, {replies.Count(r => r.Status != HttpStatusCode.OK)} failed");
        Assert.That(replies.Count(r => r.Status == HttpStatusCode.InternalServerError), Is.GreaterThanOrEqualTo(Rounds));
        Assert.That(repeated, Is.Zero);
    }

    // In each round ten reads hold a lock on the slaves that the replay of the master's TRUNCATE needs, and it does not wait.
    private async Task<(Reply[] Replies, int Repeated)> Run(string path, bool repeat)
    {
        await using var nodes = await OwnNodes.StartAsync();
        await SharedCluster.Execute(nodes.Master, "create table disputed (id int)");
        foreach (var slave in nodes.Cluster.Slaves)
        {
            await SharedCluster.Execute(slave, "alter system set max_standby_streaming_delay = 0");
            await SharedCluster.Execute(slave, "select pg_reload_conf()");
        }

        await nodes.Cluster.WaitForSlavesAsync();
        await using var app = await nodes.App(unit, new() { ["Replicated:Repeat"] = repeat ? "true" : "false" });
        var replies = new List<Reply>();
        for (var round = 0; round < Rounds; round++)
        {
            var reads = Enumerable.Range(0, AtOnce).Select(_ => app.Get(context => context.Board().ScalarAsync(Reading), path)).ToArray();
            await UntilAllRead(nodes.Cluster);
            await SharedCluster.Execute(nodes.Master, "truncate disputed");
            replies.AddRange(await Task.WhenAll(reads));
        }

        return ([.. replies], app.Log.Messages(60).Count());
    }

    private static async Task UntilAllRead(PostgresCluster cluster)
    {
        var enough = TimeProvider.System.GetTimestamp();
        while (await Readers(cluster.Slaves[0]) + await Readers(cluster.Slaves[1]) < AtOnce)
        {
            Assert.That(TimeProvider.System.GetElapsedTime(enough), Is.LessThan(TimeSpan.FromSeconds(30)));
        }
    }

    private static Task<long> Readers(PostgresNode slave) =>
        SharedCluster.Ask<long>(slave, $"select count(*) from pg_stat_activity where query = '{Reading}' and state = 'active'");
}
