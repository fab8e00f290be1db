using System.Net;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A slave that stayed with the old master: it has a log that the new one does not write.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(13)]
internal sealed class OldTimelineTests(UnitOfWork unit)
{
    [Test]
    public async Task Slave_of_the_old_timeline_is_not_used_until_it_follows_the_new_master()
    {
        await using var nodes = await OwnNodes.StartAsync();
        var (promoted, left) = (nodes.Cluster.Slaves[0], nodes.Cluster.Slaves[1]);
        await promoted.PromoteAsync();

        // However far the old master's log goes on.
        await SharedCluster.Execute(nodes.Master, "select pg_switch_wal(); create table more as select generate_series(1, 20000)");
        await left.WaitUntilReplayedAsync(await nodes.Master.CurrentLsnAsync());
        await using var app = await nodes.QuietApp(
            unit, new() { ["ConnectionStrings:Master"] = promoted.ConnectionString, ["ConnectionStrings:Slave"] = left.ConnectionString }, slaves: 1);
        await app.Sample();
        for (var i = 0; i < 50; i++)
        {
            // Each has a number that a transaction of the new master's has, too.
            await SharedCluster.Execute(nodes.Master, "insert into more values (1)");
        }

        await left.WaitUntilReplayedAsync(await nodes.Master.CurrentLsnAsync());
        await app.Sample();
        var client = new TokenClient(app);
        var id = await client.Write();
        var read = await client.Read(id);
        var plain = await app.WhereGet();
        var strictly = await app.Get(context => context.Board().WhereAsync(), "/slave");

        Assert.That(client.Token.Position?.Log, Is.EqualTo((UInt128)2), "the timeline of the promoted server");
        Assert.That((read.Place, read.Has, read.Route), Is.EqualTo((new Place(promoted.Port, InRecovery: false), true, "role=slave; node=master; reason=fallback")));
        Assert.That((plain.Port, strictly.Status), Is.EqualTo((promoted.Port, HttpStatusCode.ServiceUnavailable)));
        Assert.That(app.Log.Messages(11).Last(), Does.StartWith("Node slave-1 is NotFollowing").And.Contain("the master, which writes timeline 2"));
    }
}
