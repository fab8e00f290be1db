using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Connections that wait in the provider's pool while their server goes and comes.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class KeptConnectionTests(UnitOfWork unit)
{
    [Test]
    public async Task A_restart_that_hit_no_request_fails_none_afterwards()
    {
        await using var cluster = await SharedCluster.StartWithSchema(slaves: 1);
        var slave = cluster.Slaves[0];
        using var nodes = new NodeLog();
        await using var app = await WorkApp.StartAsync(unit, cluster, build: builder => builder.Logging.AddProvider(nodes), slaves: 1);
        using var together = new Barrier(8);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => app.Get(async context =>
        {
            await context.Board().WhereAsync();
            await Task.Run(together.SignalAndWait);
        }))));
        var stopped = Moment.Now;
        await slave.StopAsync();
        await nodes.Becomes(slave.Name, "Down", since: stopped);
        await slave.StartAsync();
        await nodes.Becomes(slave.Name, "Up", since: stopped);
        var replies = new List<Reply>();
        for (var i = 0; i < 16; i++)
        {
            replies.Add(await app.Get(context => context.Board().WhereAsync()));
        }

        NpgsqlConnection.ClearAllPools();
        Assert.That(replies.Where(r => r.Thrown is not null), Is.Empty);
        Assert.That(nodes.Changes(slave.Name).Select(m => m.State), Is.EqualTo(new[] { "Down", "Up" }));
    }
}
