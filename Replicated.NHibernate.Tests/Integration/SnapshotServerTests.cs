using Microsoft.AspNetCore.Http;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>What a snapshot costs on the wire, and what becomes of it where servers are lost or have to go on.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class SnapshotServerTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public Task Restore() => _nodes.Restore();

    [TestCase("GET", "/run", 1, 0, 1)]
    [TestCase("GET", "/run", 3, 0, 3)]
    [TestCase("GET", "/snapshot", 0, 0, 0, Description = "no statement, no connection")]
    [TestCase("GET", "/snapshot", 1, 0, 2, Description = "BEGIN goes out with the first statement, ROLLBACK by itself")]
    [TestCase("GET", "/snapshot", 3, 0, 4)]
    [TestCase("POST", "/run", 3, 4, 0)]
    [TestCase("POST", "/snapshot", 3, 4, 0, Description = "the transaction that there is anyway")]
    [Promise(17)]
    public async Task It_costs_one_round_trip_on_a_slave_and_none_on_the_master(string verb, string path, int statements, int onMaster, int onSlave)
    {
        await using var master = new CountedWire(_nodes.Master);
        await using var slave = new CountedWire(_nodes.Cluster.Slaves[0]);
        await using var app = await _nodes.QuietApp(unit, slaves: 1, connect: n => (n == _nodes.Master ? master : slave).Through(n.ConnectionString));
        async Task Work(HttpContext context)
        {
            for (var i = 0; i < statements; i++)
            {
                await context.Board().WhereAsync();
            }
        }

        await app.WhereGet();
        await app.Send(new HttpMethod(verb), path, Work);
        var (before, began) = ((master.RoundTrips, slave.RoundTrips), slave.Sent.Length);
        (await app.Send(new HttpMethod(verb), path, Work)).Ok();
        Assert.That((master.RoundTrips - before.Item1, slave.RoundTrips - before.Item2), Is.EqualTo((onMaster, onSlave)));
        Assert.That(slave.Sent[began..], path == "/snapshot" && verb == "GET" && statements > 0 ? Does.Contain("BEGIN ISOLATION LEVEL REPEATABLE READ") : Does.Not.Contain("BEGIN"));
    }

    [Test]
    public async Task Where_the_master_stands_in_for_a_slave_it_is_one_moment_too_and_read_only()
    {
        await using var app = await _nodes.App(unit);
        await _nodes.StopSlaves();
        var seen = new Sightings();
        var reply = await app.Get(context => seen.Look(context, cluster: _nodes.Cluster), "/snapshot");
        Assert.That((reply.Ok().Route, seen.Before, seen.After), Is.EqualTo(("role=slave; node=master; reason=fallback", 0, 0)));
        Assert.That((await app.Get(context => context.Board().ExecuteAsync("delete from post"), "/snapshot")).Thrown, Is.Not.Null);
    }

    [Test]
    public async Task A_slave_that_has_to_go_on_cancels_it_and_the_next_request_works()
    {
        var slave = _nodes.Cluster.Slaves[0];
        await SharedCluster.Execute(slave, "alter system set max_standby_streaming_delay = 0");
        await SharedCluster.Execute(slave, "select pg_reload_conf()");
        await SharedCluster.Execute(_nodes.Master, $"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
        await _nodes.Cluster.WaitForSlavesAsync();
        await using var app = await _nodes.App(unit, slaves: 1);
        async Task Work(HttpContext context)
        {
            await context.Board().ScalarAsync("select count(*) from post");
            await SharedCluster.Execute(_nodes.Master, "delete from post");
            await SharedCluster.Execute(_nodes.Master, "vacuum post");
            await _nodes.Cluster.WaitForSlavesAsync();
            await context.Board().ScalarAsync("select count(*) from post");
        }

        var reply = await app.Get(Work, "/snapshot");
        Assert.That(reply.Thrown?.GetBaseException(), Is.InstanceOf<PostgresException>().With.Property(nameof(PostgresException.SqlState)).EqualTo("40001"));
        (await app.Get(context => context.Board().WhereAsync(), "/snapshot")).Ok();
        (await app.Get(Work, "/run")).Ok();
    }

    [Test]
    public async Task A_connection_that_is_lost_does_not_go_on_with_another_moment()
    {
        await using var app = await _nodes.App(unit, slaves: 1);
        var reply = await app.Get(
            async context =>
            {
                var board = context.Board();
                var backend = await board.ScalarAsync("select pg_backend_pid()");
                await SharedCluster.Execute(_nodes.Cluster.Slaves[0], $"select pg_terminate_backend({backend}, 5000)");
                await Assert.CatchAsync(() => board.WhereAsync());
                await board.WhereAsync();
            },
            "/snapshot");
        Assert.That(reply.Thrown?.GetBaseException().Message, Does.Contain("was closed in the middle of its transaction").Or.Contains("Connection is not open"), "a session still holds the lost one");
    }
}
