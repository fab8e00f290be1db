using System.Collections.Concurrent;
using System.Data.Common;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>One slave for all of a request, another for the next. PostgreSQL says by its port which one it was.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class SeveralSlavesTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(6), Promise(8)]
    public async Task All_statements_of_a_request_run_on_one_slave_and_all_slaves_are_used()
    {
        var ports = new ConcurrentBag<int[]>();
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => _app.Get(async context => ports.Add(
        [
            await Port(context.Board()), await Port(context.Board()), await Port(context.Board()), await PlainPort(context), await Port(context.Board()),
        ]))));

        Assert.That(ports.Select(p => p.Distinct().Count()), Is.All.EqualTo(1).And.Exactly(60).Items);
        Assert.That(ports.Select(p => p[0]).Distinct(), Is.EquivalentTo(SharedCluster.Cluster.Slaves.Select(s => s.Port)));
    }

    [Test, Promise(6)]
    public async Task What_reads_after_the_commit_point_reads_from_the_same_slave()
    {
        var ports = new ConcurrentBag<int[]>();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => _app.Get(async context =>
        {
            var board = context.Board();
            var before = await Port(board);
            // The first byte is where an endpoint that is not MVC's commits, and where the slave gives its connection back.
            await context.Response.WriteAsync("first");
            await context.Response.Body.FlushAsync();
            ports.Add([before, await Port(board), await Port(context.Board()), await PlainPort(context)]);
        })));

        Assert.That(ports.Select(p => p.Distinct().Count()), Is.All.EqualTo(1).And.Exactly(40).Items);
        Assert.That(ports.Select(p => p[0]).Distinct().Count(), Is.EqualTo(2));
    }

    [Test, Promise(6)]
    public async Task A_reader_that_is_open_at_the_commit_point_reads_on()
    {
        var numbers = new List<int>();
        await _app.Get(async context =>
        {
            var connection = context.RequestServices.GetRequiredService<DbConnection>();
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = "select generate_series(1, 3)";
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                numbers.Add(reader.GetInt32(0));
                await context.Response.WriteAsync($"{numbers[^1]} ");
                await context.Response.Body.FlushAsync();
            }
        });
        Assert.That(numbers, Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test, Promise(6)]
    public async Task Blocks_use_the_requests_slave()
    {
        var ports = new ConcurrentBag<int[]>();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => _app.Get(async context =>
        {
            var outside = await Port(context.Board());
            using (_app.Sessions.UseSlave())
            {
                ports.Add([outside, await Port(context.Board())]);
            }
        })));
        Assert.That(ports.Select(p => p.Distinct().Count()), Is.All.EqualTo(1).And.Exactly(40).Items);
    }

    [Test, Promise(6)]
    public async Task A_write_and_a_read_in_one_request_are_one_transaction_on_the_master_and_none_on_the_slave()
    {
        var id = Guid.NewGuid();
        long onMaster = -1, onSlave = -1;
        (await _app.Post(async context =>
        {
            await context.Board().AddAsync(id);
            await context.Board().WhereAsync();
            using (_app.Sessions.UseSlave())
            {
                await context.Board().WhereAsync();
            }

            const string inTransaction = "select count(*) from pg_stat_activity where state like 'idle in transaction%'";
            onMaster = await SharedCluster.Ask<long>(SharedCluster.Master, inTransaction);
            onSlave = 0;
            foreach (var slave in SharedCluster.Cluster.Slaves)
            {
                onSlave += await SharedCluster.Ask<long>(slave, inTransaction);
            }
        })).Ok();

        Assert.That((onMaster, onSlave), Is.EqualTo((1L, 0L)));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test, Promise(8)]
    public async Task The_master_takes_its_share_of_the_reads_and_none_of_the_explicit_ones()
    {
        await using var app = await WorkApp.StartAsync(unit, settings: new() { ["Replicated:MasterReadWeight"] = "2", ["Replicated:LoadBalancing"] = "RoundRobin" });
        var places = new List<(Place Place, string? Route)>();
        var explicitly = new List<Place>();
        for (var i = 0; i < 12; i++)
        {
            Place? place = null;
            var reply = await app.Get(async context => place = await context.Board().WhereAsync());
            places.Add((place!, reply.Route));
        }

        for (var i = 0; i < 12; i++)
        {
            explicitly.Add(await app.WhereGet("/slave"));
        }

        Assert.Multiple(() =>
        {
            Assert.That(places.Count(p => p.Place.Port == SharedCluster.Master.Port), Is.EqualTo(6), "Two of four, in each of three rounds.");
            Assert.That(places.Where(p => !p.Place.InRecovery).Select(p => p.Route), Is.All.EqualTo("role=slave; node=master; reason=verb"));
            Assert.That(explicitly.Select(p => p.InRecovery), Is.All.True);
        });
    }

    [Test, Promise(12)]
    public async Task A_read_that_the_master_has_taken_cannot_write()
    {
        await using var app = await WorkApp.StartAsync(unit, settings: new() { ["Replicated:MasterReadWeight"] = "1", ["Replicated:LoadBalancing"] = "RoundRobin" }, slaves: 1);
        var id = Guid.NewGuid();
        var (nodes, statuses) = (new List<string?>(), new List<HttpStatusCode>());
        for (var i = 0; i < 2; i++)
        {
            var reply = await app.Get(async context =>
            {
                var board = context.Board();
                await board.WhereAsync();
                nodes.Add(app.Sessions.CurrentRoute!.ToString());
                await board.ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')");
            });
            statuses.Add(reply.Status);
        }

        Assert.That(nodes, Is.EqualTo(new[] { "role=slave; node=slave-1; reason=verb", "role=slave; node=master; reason=verb" }));
        Assert.That(statuses, Is.All.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    private static async Task<int> Port(IBoard board) => (await board.WhereAsync()).Port;

    private static Task<int> PlainPort(HttpContext context) =>
        Port(new ConnectionBoard(context.RequestServices.GetRequiredService<DbConnection>()));
}
