using System.Buffers;
using System.Data.Common;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Slaves that go away, hang and come back, under applications that have not met them yet.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class LostSlaveTests(UnitOfWork unit)
{
    private const int NotOpened = 2;
    private const int Answered503 = 9;
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public async Task Restore()
    {
        await _nodes.Restore();
        Assert.That(_nodes.Logged, Is.Not.Empty.And.All.Not.Contain(OwnNodes.Password));
    }

    [Test]
    public async Task The_next_slave_takes_over_and_the_lost_one_is_left_out([Values] bool killed)
    {
        await using var app = await _nodes.App(unit);
        await (killed ? _nodes.Cluster.Slaves[0].KillAsync() : _nodes.Cluster.Slaves[0].StopAsync());
        var ports = new List<int>();
        for (var i = 0; i < 10; i++)
        {
            ports.Add((await app.WhereGet()).Port);
        }

        Assert.That(ports, Is.All.EqualTo(_nodes.Cluster.Slaves[1].Port));
        Assert.That(app.Log.Messages(NotOpened).Single(), Does.StartWith("Node slave-1 could not be opened").And.Contain("Next: another slave"));
    }

    [Test]
    public async Task The_master_takes_over_when_no_slave_is_left_and_it_is_read_only_there()
    {
        await using var app = await _nodes.App(unit);
        await _nodes.StopSlaves();
        var id = Guid.NewGuid();
        Place? place = null;
        var read = await app.Get(async context => place = await context.Board().WhereAsync());
        var write = await app.Get(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')"));

        Assert.That(read.Ok().Route, Is.EqualTo("role=slave; node=master; reason=fallback"));
        Assert.That(place, Is.EqualTo(new Place(_nodes.Master.Port, InRecovery: false)));
        Assert.That(write.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await _nodes.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Slaves_are_in_use_again_after_they_came_back()
    {
        await using var app = await _nodes.App(unit);
        await _nodes.StopSlaves();
        var lost = await app.WhereGet();
        await _nodes.Restore();
        var stillLeftOut = await app.WhereGet();
        await _nodes.LetTheServersBeAsked(app);
        Place[] back = [await app.WhereGet(), await app.WhereGet()];

        Assert.That((lost.InRecovery, stillLeftOut.InRecovery), Is.EqualTo((false, false)));
        Assert.That(back.Select(p => p.Port), Is.EquivalentTo(_nodes.Cluster.Slaves.Select(s => s.Port)));
    }

    [Test, Promise(3)]
    public async Task What_asks_for_a_slave_is_503_when_none_is_left_and_never_the_master([Values("attribute", "block")] string how)
    {
        await using var app = await _nodes.App(unit);
        await _nodes.StopSlaves();
        Place? place = null;
        var reply = how == "attribute"
            ? await app.Get(async context => place = await context.Board().WhereAsync(), "/slave")
            : await app.Get(async context =>
            {
                using (app.Sessions.UseSlave())
                {
                    place = await context.Board().WhereAsync();
                }
            });

        Assert.That((reply.Status, reply.RetryAfter, place), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "2", (Place?)null)));
        Assert.That(app.Log.Messages(Answered503).Single(), Does.Contain("slave-1: Down, slave-2: Down"));

        await _nodes.Restore();
        await _nodes.LetTheServersBeAsked(app);
        Assert.That((await app.WhereGet("/slave")).InRecovery, Is.True);
    }

    [Test]
    public async Task A_503_carries_nothing_of_the_answer_whose_place_it_takes()
    {
        await using var app = await _nodes.App(unit);
        await _nodes.StopSlaves();
        var id = Guid.NewGuid();
        var reply = await app.Post(async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')");
            context.Response.StatusCode = 201;
            context.Response.Headers.Location = "/nowhere";
            context.Response.BodyWriter.Write("begun"u8);
            using (app.Sessions.UseSlave())
            {
                await context.Board().WhereAsync();
            }
        });

        Assert.That((reply.Status, reply.Body), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "")));
        Assert.That(await _nodes.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Beyond_the_cap_the_master_takes_no_more_reads_over()
    {
        await using var app = await _nodes.App(unit, new() { ["Replicated:MaxFallbackSessions"] = "2" });
        await _nodes.StopSlaves();
        var release = new TaskCompletionSource();
        using var reading = new SemaphoreSlim(0);
        async Task Hold(Microsoft.AspNetCore.Http.HttpContext context)
        {
            var connection = context.RequestServices.GetRequiredService<DbConnection>();
            await connection.OpenAsync();
            reading.Release();
            await release.Task;
        }

        Task<Reply>[] held = [app.Get(Hold), app.Get(Hold)];
        await reading.WaitAsync();
        await reading.WaitAsync();
        var beyond = await app.Get(context => context.Board().WhereAsync());
        var writing = await app.Post(context => context.Board().WhereAsync());
        release.SetResult();
        var done = await Task.WhenAll(held);

        Assert.That((beyond.Status, beyond.RetryAfter), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "2")));
        Assert.That(app.Log.Messages(Answered503).Single(), Does.Contain("Replicated:MaxFallbackSessions"));
        Assert.That(writing.Status, Is.EqualTo(HttpStatusCode.OK), "The cap is for reads only.");
        Assert.That(done.Select(r => r.Route), Is.All.EqualTo("role=slave; node=master; reason=fallback"));
        Assert.That((await app.WhereGet()).InRecovery, Is.False, "What was given back makes room.");
    }

    [Test]
    public async Task A_slave_that_hangs_at_connect_is_passed_over()
    {
        await using var proxy = TcpProxy.Start(_nodes.Cluster.Slaves[0]);
        await using var app = await _nodes.App(unit, connect: node => node.Name == "slave-1" ? proxy.Through(node.ConnectionString) : node.ConnectionString);
        proxy.Hang();
        int[] ports = [(await app.WhereGet()).Port, (await app.WhereGet()).Port];
        Assert.That(ports, Is.All.EqualTo(_nodes.Cluster.Slaves[1].Port));
        Assert.That(app.Log.Messages(NotOpened).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_caller_that_goes_away_while_connecting_does_not_make_the_slave_a_lost_one()
    {
        await using var proxy = TcpProxy.Start(_nodes.Cluster.Slaves[0]);
        await using var app = await _nodes.App(unit, slaves: 1, connect: node => node.Name == "slave-1" ? proxy.Through(node.ConnectionString) : node.ConnectionString);
        proxy.Hang();
        var (connecting, gone) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var caller = new CancellationTokenSource();
        var request = app.Get(
            async context =>
            {
                try
                {
                    var opening = context.RequestServices.GetRequiredService<DbConnection>().OpenAsync(context.RequestAborted);
                    connecting.SetResult();
                    await opening;
                }
                finally
                {
                    gone.SetResult();
                }
            },
            cancellationToken: caller.Token);
        await connecting.Task;
        await caller.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => request);
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await proxy.RestoreAsync();

        Assert.That(app.Log.Messages(NotOpened), Is.Empty);
        Assert.That((await app.WhereGet()).InRecovery, Is.True);
    }

    [Test, Promise(6)]
    public async Task A_slave_that_dies_in_the_middle_of_a_request_is_not_exchanged_for_another()
    {
        await using var app = await _nodes.App(unit);
        var (ports, failures) = (new List<int>(), 0);
        await app.Get(async context =>
        {
            ports.Add((await context.Board().WhereAsync()).Port);
            await _nodes.Cluster.Slaves.Single(s => s.Port == ports[0]).KillAsync();
            for (var i = 0; i < 3; i++)
            {
                try
                {
                    ports.Add((await context.Board().WhereAsync()).Port);
                }
                catch (Exception)
                {
                    failures++;
                }
            }
        });

        Assert.That((ports.Count, failures), Is.EqualTo((1, 3)));
        Assert.That((await app.WhereGet()).InRecovery, Is.True, "The next request finds the other one.");
    }

    [Test]
    public async Task Pooled_connections_of_a_slave_that_was_stopped_cost_no_request()
    {
        await using var app = await _nodes.App(unit, slaves: 1);
        using var together = new Barrier(5);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(() => app.Get(async context =>
        {
            await context.RequestServices.GetRequiredService<DbConnection>().OpenAsync();
            await Task.Run(together.SignalAndWait);
        }))));
        await _nodes.Cluster.Slaves[0].StopAsync();
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 10; i++)
        {
            statuses.Add((await app.Get(context => context.Board().WhereAsync())).Status);
        }

        Assert.That(statuses, Is.All.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task An_application_starts_while_slaves_are_down([Values(1, 2)] int down)
    {
        await Task.WhenAll(_nodes.Cluster.Slaves.Take(down).Select(s => s.StopAsync()));
        await using var app = await _nodes.App(unit);
        var port = (await app.WhereGet()).Port;
        Assert.That(port, Is.EqualTo(down == 1 ? _nodes.Cluster.Slaves[1].Port : _nodes.Master.Port));
    }

    [Test]
    public async Task An_application_starts_and_reads_while_the_master_is_down()
    {
        await _nodes.Master.StopAsync();
        await using var app = await _nodes.App(unit);
        var read = await app.WhereGet();
        var write = await app.Post(context => context.Board().WhereAsync());
        await _nodes.Master.StartAsync();
        var later = await app.Post(context => context.Board().WhereAsync());
        Assert.That((read.InRecovery, write.Status, later.Status), Is.EqualTo((true, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK)));
    }
}
