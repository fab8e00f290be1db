using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Statements that are still running when their request ends, because nobody awaited them.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class ForgottenTaskTests(UnitOfWork unit)
{
    [Test]
    public async Task A_forgotten_statement_costs_nobody_a_connection([Values("GET", "POST")] string verb)
    {
        const int PoolSize = 4;
        string Small(string connectionString) => $"{connectionString};Maximum Pool Size={PoolSize};Application Name=forgotten-{unit.Name}-{verb}";
        await using var app = await WorkApp.StartAsync(unit, settings: new()
        {
            ["ConnectionStrings:Master"] = Small(SharedCluster.Master.ConnectionString),
            ["ConnectionStrings:Slave"] = Small(SharedCluster.Cluster.Slaves[0].ConnectionString),
        }, slaves: 1);
        var (forgotten, statuses) = (new List<Task>(), new List<HttpStatusCode>());
        async Task Forget(HttpContext context)
        {
            var board = context.Board();
            await board.WhereAsync();
            forgotten.Add(board.ScalarAsync("select 1 from pg_sleep(0.2)"));
        }

        for (var i = 0; i < 3 * PoolSize; i++)
        {
            var reply = await (verb == "GET" ? app.Get(Forget) : app.Post(Forget)).WaitAsync(TimeSpan.FromSeconds(30));
            statuses.Add(reply.Status);
        }

        await Task.WhenAll(forgotten.Select(f => f.ContinueWith(_ => { }, TaskScheduler.Default))).WaitAsync(TimeSpan.FromSeconds(30));
        var after = new List<HttpStatusCode>();
        for (var i = 0; i < 3 * PoolSize; i++)
        {
            after.Add((await app.Get(context => context.Board().WhereAsync())).Status);
            after.Add((await app.Post(context => context.Board().WhereAsync())).Status);
        }

        // A read is nobody's loss; a transaction cannot be committed under a statement.
        Assert.That(statuses, Is.All.EqualTo(verb == "GET" ? HttpStatusCode.OK : HttpStatusCode.InternalServerError));
        Assert.That(after, Is.All.EqualTo(HttpStatusCode.OK));
        var pool = app.Services.GetRequiredService<NodePool>();
        Assert.That(pool.Slaves.Append(pool.Master).Select(n => n.InUse), Is.All.Zero);
        Assert.That(AmbientScope.Current, Is.Null);
    }

    [Test]
    public async Task What_a_failed_request_leaves_behind_is_not_called_a_loss()
    {
        await using var app = await WorkApp.StartAsync(unit);
        await app.Post(async context =>
        {
            await context.Board().AddAsync(Guid.NewGuid());
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(app.Log.Messages(6), Is.Empty);
    }
}
