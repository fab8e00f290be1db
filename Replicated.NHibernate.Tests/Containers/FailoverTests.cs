using System.Net;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Containers;

/// <summary>Containers that are stopped and started again under an application, and a slave that becomes the master.</summary>
internal sealed class FailoverTests
{
    [Test]
    public async Task Reads_go_to_the_other_slave_then_to_the_master_and_back()
    {
        var cluster = SharedContainers.Cluster;
        await using var app = await cluster.App();
        await app.UntilAll(state => state == NodeState.Up);
        try
        {
            await cluster.Slaves[0].StopAsync();
            await app.UntilNode("slave-1", NodeState.Down);
            Place[] onOther = [await app.WhereGet(), await app.WhereGet()];
            await cluster.Slaves[1].StopAsync();
            await app.UntilNode("slave-2", NodeState.Down);
            var onMaster = await app.Get(context => context.Board().WhereAsync());
            var refused = await app.Get(context => context.Board().WhereAsync(), "/slave");

            Assert.That(onOther, Is.All.EqualTo(new Place(cluster.Slaves[1].Port, InRecovery: true)));
            Assert.That(onMaster.Ok().Route, Is.EqualTo("role=slave; node=master; reason=fallback"));
            Assert.That(refused.Status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        }
        finally
        {
            await Task.WhenAll(cluster.Slaves.Select(s => s.StartAsync()));
        }

        await app.UntilAll(state => state == NodeState.Up);
        Place[] back = [await app.WhereGet(), await app.WhereGet()];
        Assert.That(back.Select(p => p.Port), Is.EquivalentTo(cluster.Slaves.Select(s => s.Port)));
    }

    [Test]
    public async Task Writes_find_a_promoted_slave_and_reads_leave_it()
    {
        // Of its own: a promotion cannot be undone.
        await using var cluster = await ContainerCluster.StartAsync();
        var (former, promoted) = (cluster.Master, cluster.Slaves[0]);
        await using var app = await cluster.App(new NpgsqlConnectionStringBuilder(former.ConnectionString)
        {
            Host = $"127.0.0.1:{former.PublishedPort},127.0.0.1:{promoted.PublishedPort}",
            TargetSessionAttributes = "primary",
            HostRecheckSeconds = 1,
        }.ConnectionString);
        // Asked before the promotion, the other one's pool would remember for a second that there is no primary.
        await using var alone = await cluster.App();
        await Task.WhenAll(app.UntilAll(state => state == NodeState.Up), alone.UntilAll(state => state == NodeState.Up));
        await former.StopAsync();
        await Task.WhenAll(app.UntilNode("master", NodeState.Down), alone.UntilNode("master", NodeState.Down));
        var refused = await alone.Post(context => context.Board().WhereAsync());
        await promoted.PromoteAsync();
        await app.UntilNode("slave-1", NodeState.WrongRole);
        await app.UntilNode("master", NodeState.Up);
        var id = Guid.NewGuid();
        (await app.Post(context => context.Board().AddAsync(id))).Ok();
        Place[] reads = [await app.WhereGet(), await app.WhereGet()];

        Assert.That(refused.Status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await promoted.Has(id), Is.True);
        Assert.That(reads, Is.All.EqualTo(new Place(cluster.Slaves[1].Port, InRecovery: true)));
    }
}
