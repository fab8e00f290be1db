using System.Data.Common;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Failover;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A scope's first read whose connection turns out to be lost is sent once more, as long as nobody has a row.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class RepeatedReadTests(UnitOfWork unit)
{
    private const int Repeated = 60;
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    private PostgresNode First => _nodes.Cluster.Slaves[0];

    [Test, Promise(15)]
    public async Task Read_on_a_terminated_connection_is_answered_by_another_slave_and_says_so_and_the_slave_stays_in_use()
    {
        await using var app = await Warm();
        using var counters = new Counters(app.Services.GetRequiredService<IMeterFactory>());
        await First.Terminate();
        Reply[] replies = [await Read(app), await Read(app)];

        Assert.That(replies.Select(r => r.Ok().Route), Is.EqualTo(new[] { "role=slave; node=slave-2; reason=verb; repeated", "role=slave; node=slave-1; reason=verb" }));
        Assert.That((counters.Of("replicated.repeats"), counters.Of("replicated.repeats", "node=slave-1", "reason=lost")), Is.EqualTo((1, 1)));
        Assert.That(app.Log.Messages(Repeated).Single(), Does.Contain("slave-1 lost it (PostgresException 57P01). Next: slave-2"));
    }

    [Test]
    public async Task Read_on_the_terminated_connection_of_the_only_slave_is_answered_by_the_master()
    {
        await using var app = await Warm(slaves: 1);
        await First.Terminate();
        Assert.That((await Read(app)).Ok().Route, Is.EqualTo("role=slave; node=master; reason=fallback; repeated"));
    }

    [Test, Promise(3)]
    public async Task Explicit_read_on_the_terminated_connection_of_the_only_slave_is_answered_by_that_slave()
    {
        await using var app = await Warm(slaves: 1);
        await First.Terminate();
        Assert.That((await Read(app, "/slave")).Ok().Route, Is.EqualTo("role=slave; node=slave-1; reason=attribute; repeated"));
    }

    [Test]
    public async Task Read_whose_connection_ends_without_a_word_is_answered_by_a_slave_and_never_by_the_master([Values(1, 2)] int slaves)
    {
        await using var wire = TcpProxy.Start(First);
        await using var app = await Warm(slaves, wire);
        await wire.Reset();
        Assert.That((await Read(app)).Ok().Route, Is.EqualTo($"role=slave; node=slave-{slaves}; reason=verb; repeated"));
    }

    [Test]
    public async Task Read_whose_connection_ends_without_a_word_fails_where_no_slave_is_left()
    {
        await using var wire = TcpProxy.Start(First);
        await using var app = await Warm(slaves: 1, wire);
        await wire.CutAsync();
        var reply = await Read(app);
        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(reply.Thrown!.GetBaseException(), Is.InstanceOf<IOException>().Or.InstanceOf<System.Net.Sockets.SocketException>());
    }

    [TestCase("/once", "true")]
    [TestCase("/run", "false")]
    public async Task Read_is_sent_once_where_repeating_is_off(string path, string repeat)
    {
        await using var app = await Warm(settings: new() { ["Replicated:Repeat"] = repeat });
        await First.Terminate();
        var reply = await Read(app, path);
        Assert.That((reply.Status, app.Log.Messages(Repeated).Count()), Is.EqualTo((HttpStatusCode.InternalServerError, 0)));
    }

    [Test, Promise(6)]
    public async Task Second_read_of_a_request_stays_on_the_server_of_the_first()
    {
        await using var app = await Warm();
        var reads = 0;
        var reply = await app.Get(async context =>
        {
            await context.Board().WhereAsync();
            reads++;
            await First.Terminate();
            await context.Board().WhereAsync();
            reads++;
        });
        Assert.That((reply.Status, reads, app.Log.Messages(Repeated).Count()), Is.EqualTo((HttpStatusCode.InternalServerError, 1, 0)));
    }

    [Test, Promise(6)]
    public async Task Snapshot_is_begun_anew_on_the_other_slave([Values("/snapshot", "/snapshot/slave")] string path)
    {
        await using var app = await Warm();
        await First.Terminate();
        var seen = new List<(Place Place, long Rows)>();
        var reply = await app.Get(
            async context =>
            {
                var board = context.Board();
                seen.Add((await board.WhereAsync(), await board.ScalarAsync("select count(*) from post")));
                await SharedCluster.Execute(_nodes.Master, $"insert into post (id, title) values ('{Guid.NewGuid()}', 'meanwhile')");
                await _nodes.Cluster.WaitForSlavesAsync();
                seen.Add((await board.WhereAsync(), await board.ScalarAsync("select count(*) from post")));
            },
            path);
        Assert.That(reply.Ok().Route, Does.EndWith("; repeated"));
        Assert.That(seen.Distinct().Single().Place.Port, Is.EqualTo(_nodes.Cluster.Slaves[1].Port));
    }

    [Test]
    public async Task Lazy_read_of_the_view_on_a_lost_connection_is_sent_again_to_the_same_slave()
    {
        await using var app = await Warm();
        var ports = new List<int>();
        var reply = await app.Get(async context =>
        {
            ports.Add((await context.Board().WhereAsync()).Port);
            await context.Response.WriteAsync("the request is committed");
            await First.Terminate();
            ports.Add((await context.Board().WhereAsync()).Port);
        });
        Assert.That(reply.Ok().Body, Is.EqualTo("the request is committed"));
        Assert.That(ports, Is.EqualTo(new[] { First.Port, First.Port }));
    }

    [Test]
    public async Task Statement_that_the_provider_was_about_to_prepare_leaves_nothing_of_it_on_the_other_connection([Values] bool isBatch, [Values(4, 5, 6, 7, 8)] int before)
    {
        await using var wire = TcpProxy.Start(First);
        await using var app = await Warm(wire: wire);
        Task<Reply> Run() => app.Get(async context =>
        {
            var connection = context.RequestServices.GetRequiredService<DbConnection>();
            if (!isBatch)
            {
                await context.Board().WhereAsync();
                return;
            }

            await using var batch = connection.CreateBatch();
            var command = batch.CreateBatchCommand();
            command.CommandText = Sql.Where;
            batch.BatchCommands.Add(command);
            await batch.ExecuteScalarAsync();
        });
        // The provider prepares what it sees for the fifth time.
        for (var i = 0; i < before; i++)
        {
            (await Run()).Ok();
        }

        await wire.Reset();
        for (var i = 0; i < 16; i++)
        {
            (await Run()).Ok();
        }

        Assert.That(app.Log.Messages(Repeated).Count(), Is.EqualTo(1));
    }

    private static Task<Reply> Read(WorkApp app, string path = "/run") => app.Get(context => context.Board().WhereAsync(), path);

    // Each slave has a connection in its pool, and slave-1 is the next to be asked.
    private async Task<WorkApp> Warm(int slaves = 2, TcpProxy? wire = null, Dictionary<string, string?>? settings = null)
    {
        var app = await _nodes.App(unit, settings, slaves, node => wire is not null && node == First ? wire.Through(node.ConnectionString) : node.ConnectionString);
        for (var i = 0; i < slaves; i++)
        {
            await app.WhereGet();
        }

        return app;
    }
}
