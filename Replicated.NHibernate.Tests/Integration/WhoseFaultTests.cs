using System.Data;
using System.Data.Common;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A failure counts against a server only where it was the server's.</summary>
[Promise(13), NonParallelizable]
internal sealed class WhoseFaultTests
{
    private const int Busy = 30;
    private const int PositionsOff = 31;
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        await SharedCluster.Execute(_nodes.Master, """
            create role app login; grant all on all tables in schema public to app;
            create role unprivileged login; grant all on all tables in schema public to unprivileged;
            """);
        await _nodes.Cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Master_whose_pool_is_held_by_slow_writers_is_busy_and_not_down()
    {
        await using var app = await _nodes.App(UnitOfWork.Connection, connect: node => Small(node.ConnectionString, node == _nodes.Master ? 1 : 10));
        var client = new TokenClient(app);
        var id = await client.Write();
        using var held = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        var slow = app.Post(async context =>
        {
            await context.Board().AddAsync(Guid.NewGuid());
            held.Release();
            await go.WaitAsync();
        });
        await held.WaitAsync();
        var write = await app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        var state = Master(app).Health.State;
        go.Release();
        (await slow).Ok();

        Assert.That((write.Status, write.RetryAfter is not null), Is.EqualTo((HttpStatusCode.ServiceUnavailable, true)));
        Assert.That(write.Thrown, Is.TypeOf<MasterUnavailableException>().With.Message.Contain("busy"));
        Assert.That((state, app.Log.Messages(Busy).Count()), Is.EqualTo((NodeState.Up, 1)));
        Assert.That((await client.Read(id)).Has, Is.True);
    }

    [Test]
    public async Task Read_of_ones_own_write_goes_to_no_slave_without_it_because_the_master_is_busy()
    {
        await using var app = await _nodes.App(UnitOfWork.Connection, new() { ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00" }, connect: node => Small(node.ConnectionString, node == _nodes.Master ? 1 : 10));
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
        try
        {
            var client = new TokenClient(app);
            await client.Write();
            using var held = new SemaphoreSlim(0);
            using var go = new SemaphoreSlim(0);
            // In the read-only pool of the master, which is another one than that of writes.
            var slow = client.Get(async context =>
            {
                await context.Board().WhereAsync();
                held.Release();
                await go.WaitAsync();
            });
            await held.WaitAsync();
            var read = await client.Get(context => context.Board().WhereAsync());
            go.Release();
            (await slow).Ok();
            Assert.That((read.Status, read.Thrown?.GetType()), Is.EqualTo((HttpStatusCode.ServiceUnavailable, typeof(MasterUnavailableException))));
            Assert.That(Master(app).Health.State, Is.EqualTo(NodeState.Up));
        }
        finally
        {
            await _nodes.ResumeReplay();
        }
    }

    [Test]
    public async Task Connection_that_one_request_broke_takes_its_slave_from_nobody()
    {
        await using var app = await _nodes.App(UnitOfWork.Connection);
        var broken = 0;
        for (var i = 0; i < 10; i++)
        {
            await app.Get(async context =>
            {
                var connection = context.RequestServices.GetRequiredService<DbConnection>();
                await Assert.CatchAsync(async () =>
                {
                    await using var command = connection.CreateCommand();
                    command.CommandText = "select pg_terminate_backend(pg_backend_pid())";
                    await command.ExecuteScalarAsync();
                });
                broken++;
            }, "/slave");
            var read = await app.Get(context => context.Board().WhereAsync(), "/slave");
            Assert.That(read.Status, Is.EqualTo(HttpStatusCode.OK), read.Thrown?.ToString());
        }

        Assert.That(broken, Is.EqualTo(10));
        Assert.That(app.Log.Messages(11), Is.Empty, "No state changed.");
    }

    [Test]
    public async Task Level_that_a_standby_refuses_takes_the_slave_from_nobody()
    {
        await using var app = await _nodes.App(UnitOfWork.Connection);
        for (var i = 0; i < 10; i++)
        {
            var failed = await app.Get(async context =>
            {
                var connection = context.RequestServices.GetRequiredService<DbConnection>();
                await connection.OpenAsync();
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.Serializable);
                await context.Board().WhereAsync();
            }, "/slave");
            Assert.That(failed.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
            (await app.Get(context => context.Board().WhereAsync(), "/slave")).Ok();
        }

        Assert.That(app.Log.Messages(11), Is.Empty, "No state changed.");
    }

    [Test]
    public async Task Question_that_the_servers_refuse_ejects_nobody_and_is_said_once_for_each()
    {
        await SharedCluster.Execute(_nodes.Master, "revoke execute on function pg_last_wal_replay_lsn() from public");
        try
        {
            await _nodes.Cluster.WaitForSlavesAsync();
            await using var app = await _nodes.App(UnitOfWork.Connection, connect: node => new NpgsqlConnectionStringBuilder(node.ConnectionString) { Username = "unprivileged" }.ConnectionString);
            var client = new TokenClient(app);
            for (var i = 0; i < 5; i++)
            {
                Assert.That((await client.Read(await client.Write())).Has, Is.True);
                (await app.Get(context => context.Board().WhereAsync(), "/slave")).Ok();
            }

            Assert.That(app.Services.GetRequiredService<NodeRegistry>().Slaves.Select(s => s.Health.State), Is.All.EqualTo(NodeState.Up));
            Assert.That(app.Log.Messages(PositionsOff).Order(), Has.Exactly(3).Items.And.All.Contain("42501"));
        }
        finally
        {
            await SharedCluster.Execute(_nodes.Master, "grant execute on function pg_last_wal_replay_lsn() to public");
        }
    }

    [Test]
    public async Task Master_believed_down_that_answers_serves_the_client_its_own_write()
    {
        await using var app = await _nodes.App(UnitOfWork.Connection, new() { ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00" });
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
        try
        {
            var client = new TokenClient(app);
            var id = await client.Write();
            app.Services.GetRequiredService<NodeRegistry>().Failed(Master(app), "it did not answer within Probe:Timeout");
            var (place, has, route) = await client.Read(id);
            Assert.That((place.InRecovery, has, route), Is.EqualTo((false, true, "role=slave; node=master; reason=token")));
        }
        finally
        {
            await _nodes.ResumeReplay();
        }
    }

    private static Node Master(WorkApp app) => app.Services.GetRequiredService<NodeRegistry>().Master;

    private static string Small(string connectionString, int most) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Username = "app", MaxPoolSize = most }.ConnectionString;
}
