using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A slave's connection string that leads to several servers, of which one is behind.</summary>
[Promise(10), Promise(6)]
internal sealed class SeveralServersTests
{
    private const int Several = 38;
    private PostgresCluster _cluster = null!;

    [OneTimeSetUp]
    public async Task Start() => _cluster = await SharedCluster.StartWithSchema();

    [OneTimeTearDown]
    public async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [TearDown]
    public Task Resume() => Task.WhenAll(_cluster.Slaves.Select(s => s.ResumeReplayAsync()));

    [Test]
    public async Task Hosts_of_one_string_are_nodes_of_their_own_and_own_writes_are_read()
    {
        var hosts = string.Join(',', _cluster.Slaves.Select(s => $"127.0.0.1:{s.Port}"));
        await using var app = await App(("ConnectionStrings:Slave", $"{_cluster.Slaves[0].ConnectionString};Host={hosts};Load Balance Hosts=true"));
        await app.UntilAll(state => state == NodeState.Up);
        await _cluster.Slaves[1].PauseReplayAsync();
        Assert.That(await OwnReads(app, 40), Is.EqualTo(40));
        Assert.That(app.Services.GetRequiredService<NodeRegistry>().Slaves.Select(s => s.Name), Is.EqualTo(new[] { "slave-1", "slave-2" }));
    }

    [Test]
    public async Task String_that_names_the_whole_cluster_reads_from_the_slaves_and_misses_none()
    {
        PostgresNode[] all = [_cluster.Master, .. _cluster.Slaves];
        var hosts = string.Join(',', all.Select(s => $"127.0.0.1:{s.Port}"));
        await using var app = await App(
            ("ConnectionStrings:Master", $"{_cluster.Master.ConnectionString};Host={hosts}"), ("ConnectionStrings:Slave", $"{_cluster.Master.ConnectionString};Host={hosts};Target Session Attributes=prefer-standby"));
        await app.UntilNode("slave-1", NodeState.WrongRole);
        await app.UntilNode("slave-2", NodeState.Up);
        await app.UntilNode("slave-3", NodeState.Up);
        await app.UntilNode("master", NodeState.Up);
        var ports = new HashSet<int>();
        for (var i = 0; i < 20; i++)
        {
            ports.Add((await app.WhereGet("/slave")).Port);
        }

        var health = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.That(ports, Is.EquivalentTo(_cluster.Slaves.Select(s => s.Port)));
        Assert.That((health.Status, await OwnReads(app, 5)), Is.EqualTo((HealthStatus.Healthy, 5)));
    }

    [Test]
    public async Task Address_that_is_told_to_be_a_load_balancer_vouches_for_no_connection()
    {
        await using var balancer = new AlternatingProxy(_cluster.Slaves[0].Port, _cluster.Slaves[1].Port);
        await using var app = await App(Balanced(balancer.Port, isTold: true));
        await app.UntilAll(state => state == NodeState.Up);
        await _cluster.Slaves[1].PauseReplayAsync();
        Assert.That(await OwnReads(app, 40), Is.EqualTo(40));
    }

    [Test]
    public async Task Address_with_several_servers_is_noticed_and_named_once()
    {
        await using var balancer = new AlternatingProxy(_cluster.Slaves[0].Port, _cluster.Slaves[1].Port);
        await using var app = await App(Balanced(balancer.Port, isTold: false));
        await app.UntilAll(state => state == NodeState.Up);
        await UntilNamed(app);
        await _cluster.Slaves[1].PauseReplayAsync();
        Assert.That(await OwnReads(app, 40), Is.EqualTo(40));
        Assert.That(app.Log.Messages(Several).Single(), Does.Contain("behind the address of reader"));
    }

    [Test]
    public async Task Scope_that_opens_again_after_the_commit_point_meets_the_same_server()
    {
        await using var balancer = new AlternatingProxy(_cluster.Slaves[0].Port, _cluster.Slaves[1].Port);
        await using var app = await App(Balanced(balancer.Port, isTold: true));
        await app.UntilAll(state => state == NodeState.Up);
        var (differ, read) = (0, 0);
        for (var i = 0; i < 20; i++)
        {
            await app.Get(async context =>
            {
                var board = context.Board();
                var first = await board.WhereAsync();
                await context.Response.WriteAsync("the view");
                await context.Response.Body.FlushAsync();
                var (taken, enough) = (new TaskCompletionSource(), new TaskCompletionSource());
                var other = app.Get(async beside =>
                {
                    await beside.Board().WhereAsync();
                    taken.SetResult();
                    await enough.Task;
                });
                // The pool has only other connections left.
                await taken.Task.WaitAsync(TimeSpan.FromSeconds(30));
                differ += first == await board.WhereAsync() ? 0 : 1;
                enough.SetResult();
                await other;
                read++;
            });
        }

        Assert.That(read, Is.EqualTo(20));
        Assert.That(differ, Is.Zero);
    }

    private static async Task UntilNamed(WorkApp app)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!app.Log.Messages(Several).Any())
        {
            await Task.Yield();
            Assert.That(patience.IsCancellationRequested, Is.False);
        }
    }

    private static async Task<int> OwnReads(WorkApp app, int count)
    {
        var own = 0;
        for (var i = 0; i < count; i++)
        {
            var client = new TokenClient(app);
            own += (await client.Read(await client.Write())).Has ? 1 : 0;
        }

        return own;
    }

    private (string Key, string? Value)[] Balanced(int port, bool isTold) =>
    [
        ("Replicated:Slaves:0:Name", "reader"),
        ("Replicated:Slaves:0:ConnectionString", new NpgsqlConnectionStringBuilder(_cluster.Slaves[0].ConnectionString) { Port = port }.ConnectionString),
        ("Replicated:Slaves:0:LoadBalancer", isTold ? "true" : "false"),
    ];

    private Task<WorkApp> App(params (string Key, string? Value)[] settings)
    {
        var all = settings.ToDictionary(s => s.Key, s => s.Value);
        all.TryAdd("ConnectionStrings:Master", _cluster.Master.ConnectionString);
        return WorkApp.StartAsync(UnitOfWork.Connection, settings: all, build: builder => builder.Services.AddHealthChecks().AddReplicated(), slaves: 0);
    }
}
