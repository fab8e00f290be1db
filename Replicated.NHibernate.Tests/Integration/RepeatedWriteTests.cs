using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>The first statement of a transaction on the master whose connection turns out to be lost is sent once more; nothing else on the master is.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class RepeatedWriteTests(UnitOfWork unit)
{
    private const int Repeated = 60;
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Write_on_a_terminated_connection_is_done_once()
    {
        await using var app = await Warm();
        await _nodes.Master.Terminate();
        var (reply, id) = await Write(app);
        Assert.That(reply.Ok().Route, Is.EqualTo("role=master; node=master; reason=verb; repeated"));
        Assert.That(await _nodes.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task Write_on_a_connection_that_ended_without_a_word_is_done_once()
    {
        await using var wire = TcpProxy.Start(_nodes.Master);
        await using var app = await Warm(wire);
        await wire.Reset();
        var (reply, id) = await Write(app);
        Assert.That((reply.Ok().Route, app.Log.Messages(Repeated).Count()), Is.EqualTo(("role=master; node=master; reason=verb; repeated", 1)));
        Assert.That(await _nodes.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task First_write_on_a_master_that_is_gone_is_503()
    {
        await using var wire = TcpProxy.Start(_nodes.Master);
        await using var app = await Warm(wire);
        await wire.CutAsync();
        var (reply, id) = await Write(app);
        Assert.That((reply.Status, reply.RetryAfter), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "2")));
        Assert.That(await _nodes.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Failure_that_the_application_swallows_is_not_followed_by_half_a_commit()
    {
        await using var wire = TcpProxy.Start(_nodes.Master);
        await using var app = await Warm(wire);
        await wire.CutAsync();
        var id = Guid.NewGuid();
        var reply = await app.Post(async context =>
        {
            await Assert.CatchAsync(() => context.Board().WhereAsync());
            await wire.RestoreAsync();
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'half')");
        });
        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await _nodes.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Statement_that_commits_by_itself_is_never_repeated()
    {
        await using var app = await Warm(settings: new() { ["Replicated:TransactionPerRequest"] = "false" });
        await _nodes.Master.Terminate();
        var reply = await app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'alone')"));
        Assert.That((reply.Status, app.Log.Messages(Repeated).Count()), Is.EqualTo((HttpStatusCode.InternalServerError, 0)));
    }

    [TestCase(1)]
    [TestCase(0, Description = "the commit itself")]
    public async Task Nothing_is_repeated_once_a_statement_has_run(int statementsAfter)
    {
        await using var app = await Warm();
        var id = Guid.NewGuid();
        var reply = await app.Post(async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'lost')");
            await _nodes.Master.Terminate();
            for (var i = 0; i < statementsAfter; i++)
            {
                await context.Board().WhereAsync();
            }
        });
        Assert.That((reply.Status, app.Log.Messages(Repeated).Count()), Is.EqualTo((HttpStatusCode.InternalServerError, 0)));
        Assert.That(await _nodes.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task First_write_is_503_once_the_master_is_known_to_be_down_also_where_statements_commit_by_themselves()
    {
        await using var wire = TcpProxy.Start(_nodes.Master);
        await using var app = await Warm(wire, new() { ["Replicated:TransactionPerRequest"] = "false" });
        await wire.CutAsync();
        app.Services.GetRequiredService<NodeRegistry>().Failed(app.Services.GetRequiredService<NodeRegistry>().Master, "the prober could not connect");
        Assert.That((await Write(app)).Reply.Status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }

    private static async Task<(Reply Reply, Guid Id)> Write(WorkApp app)
    {
        var id = Guid.NewGuid();
        return (await app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'once')")), id);
    }

    // With a connection in the master's pool.
    private async Task<WorkApp> Warm(TcpProxy? wire = null, Dictionary<string, string?>? settings = null)
    {
        var app = await _nodes.App(unit, settings, connect: node => wire is not null && node == _nodes.Master ? wire.Through(node.ConnectionString) : node.ConnectionString);
        (await app.Post(context => context.Board().WhereAsync())).Ok();
        return app;
    }
}
