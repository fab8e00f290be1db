using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Servers that are not what the configuration says, under applications that have just started.</summary>
[Promise(13), Promise(10)]
internal sealed class IdentityTests
{
    private PostgresCluster _cluster = null!;

    [SetUp]
    public async Task Start() => _cluster = await SharedCluster.StartWithSchema();

    [TearDown]
    public async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task Standby_of_another_cluster_is_never_read([Values] bool probed)
    {
        await using var foreign = await SharedCluster.StartWithSchema(slaves: 1);
        await SharedCluster.Execute(foreign.Master, "create table more as select generate_series(1, 50000)");
        await foreign.WaitForSlavesAsync();
        await using var app = await App(probed, ("ConnectionStrings:Slave", foreign.Slaves[0].ConnectionString), Second(_cluster.Slaves[0]));
        var first = await app.WhereGet();
        var own = 0;
        var ports = new SortedSet<int> { first.Port };
        for (var i = 0; i < 40; i++)
        {
            var client = new TokenClient(app);
            var id = await client.Write();
            var read = await client.Read(id);
            own += read.Has ? 1 : 0;
            ports.Add(read.Place.Port);
            ports.Add((await app.WhereGet("/slave")).Port);
        }

        Assert.That((own, ports.Contains(foreign.Slaves[0].Port)), Is.EqualTo((40, false)));
        Assert.That((State(app, "slave-1"), await Health(app)), Is.EqualTo((NodeState.WrongCluster, HealthStatus.Degraded)));
        Assert.That(app.Log.Messages(11).Single(), Does.StartWith("Node slave-1 is WrongCluster"));
        NpgsqlConnection.ClearAllPools();
    }

    [Test]
    public async Task Promoted_slave_is_not_read_after_the_application_was_restarted([Values] bool probed, [Values] bool withToken, [Values("the old master", "the promoted slave")] string master)
    {
        await _cluster.WaitForSlavesAsync();
        var token = await WriteBefore();
        await _cluster.WaitForSlavesAsync();
        var promoted = _cluster.Slaves[0];
        await promoted.PromoteAsync();
        var others = Second(_cluster.Slaves[1]);
        if (master == "the promoted slave")
        {
            await _cluster.Slaves[1].FollowAsync(promoted);
        }

        // The master by another name than the slave: by the same it would be one database in development.
        var leadsTo = master == "the promoted slave" ? promoted : _cluster.Master;
        await using var app = await App(probed, ("ConnectionStrings:Master", $"{leadsTo.ConnectionString};Target Session Attributes=primary;Host=127.0.0.1:{leadsTo.Port},127.0.0.1:1"), others);
        var client = new TokenClient(app);
        if (withToken)
        {
            client.Cookie = token.ToString();
        }

        string?[] routes = [await Route(client), await Route(client), await Route(client), await Route(client)];
        var strictly = await app.WhereGet("/slave");
        Assert.That(routes, Is.All.Not.Contain("node=slave-1"));
        Assert.That(strictly, Is.EqualTo(new Place(_cluster.Slaves[1].Port, InRecovery: true)));
        await app.UntilNode("slave-1", leadsTo == promoted ? NodeState.WrongRole : NodeState.NotFollowing);
        Assert.That(await Health(app), Is.EqualTo(HealthStatus.Degraded));
    }

    [Test]
    public async Task Promoted_slave_that_may_not_tell_how_far_it_is_is_not_read_either()
    {
        await SharedCluster.Execute(_cluster.Master, "create role plain login; grant all on all tables in schema public to plain; revoke execute on function pg_last_wal_replay_lsn(), pg_current_wal_insert_lsn(), pg_control_checkpoint() from public");
        await _cluster.WaitForSlavesAsync();
        await _cluster.Slaves[0].PromoteAsync();
        string Plain(PostgresNode node) => $"{node.ConnectionString};Username=plain";
        await using var app = await App(
            probed: true, ("ConnectionStrings:Master", Plain(_cluster.Master)), ("ConnectionStrings:Slave", Plain(_cluster.Slaves[0])), ("Replicated:Slaves:0:ConnectionString", Plain(_cluster.Slaves[1])));
        await app.UntilNode("slave-1", NodeState.NotFollowing);
        await app.UntilNode("slave-2", NodeState.Up);
        var read = await app.WhereGet("/slave");
        var own = await OwnRead(app);
        Assert.That((read.Port, own), Is.EqualTo((_cluster.Slaves[1].Port, true)));
        Assert.That(app.Log.Messages(31).Count(), Is.EqualTo(3), "positions are off, said once for each server");
        Assert.That(app.Log.Messages(39).Count(m => m.Contains("Positions: off", StringComparison.Ordinal)), Is.EqualTo(3));
    }

    private static async Task<bool> OwnRead(WorkApp app)
    {
        var client = new TokenClient(app);
        return (await client.Read(await client.Write())).Has;
    }

    [Test]
    public async Task Master_that_refuses_writes_is_read_and_every_write_is_503_until_it_takes_them_again()
    {
        await using var app = await App(probed: true, ("ConnectionStrings:Slave", _cluster.Slaves[0].ConnectionString));
        await new TokenClient(app).Write();
        await Set("on");
        var atOnce = await Post(app);
        await app.UntilNode("master", NodeState.ReadOnly);
        var later = await Post(app);
        var read = await app.WhereGet("/master");
        var health = await Health(app);
        await Set("off");
        await app.UntilNode("master", NodeState.Up);

        Assert.That((atOnce.Status, atOnce.RetryAfter is null), Is.EqualTo((HttpStatusCode.ServiceUnavailable, false)), atOnce.Thrown?.ToString());
        Assert.That((later.Status, later.RetryAfter is null, later.TokenHeader), Is.EqualTo((HttpStatusCode.ServiceUnavailable, false, (string?)null)));
        Assert.That((read.Port, health), Is.EqualTo((_cluster.Master.Port, HealthStatus.Unhealthy)));
        Assert.That((await Post(app)).Status, Is.EqualTo(HttpStatusCode.OK));
    }

    private async Task Set(string value)
    {
        await SharedCluster.Execute(_cluster.Master, $"alter system set default_transaction_read_only = {value}");
        await SharedCluster.Execute(_cluster.Master, "select pg_reload_conf()");
        await _cluster.Master.UntilTrue($"select current_setting('default_transaction_read_only') = '{value}'");
    }

    private static Task<Reply> Post(WorkApp app) => app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'a post')"));

    private static async Task<string?> Route(TokenClient client) => (await client.Read(Guid.NewGuid())).Route;

    private async Task<ConsistencyToken> WriteBefore()
    {
        await using var app = await App(probed: true, ("ConnectionStrings:Slave", _cluster.Slaves[0].ConnectionString));
        var client = new TokenClient(app);
        await client.Write();
        return client.Token;
    }

    private static (string Key, string? Value) Second(PostgresNode slave) => ("Replicated:Slaves:0:ConnectionString", slave.ConnectionString);

    private static NodeState State(WorkApp app, string node)
    {
        var registry = app.Services.GetRequiredService<NodeRegistry>();
        return registry.StateOf(registry.Slaves.Single(n => n.Name == node));
    }

    private static async Task<HealthStatus> Health(WorkApp app) => (await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;

    /// <summary>With the servers asked in the background or by the requests alone; slave-1 is this cluster's first unless a test says otherwise.</summary>
    private Task<WorkApp> App(bool probed, params (string Key, string? Value)[] settings)
    {
        var all = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = _cluster.Master.ConnectionString,
            ["ConnectionStrings:Slave"] = _cluster.Slaves[0].ConnectionString,
            ["Replicated:LoadBalancing"] = "RoundRobin",
        };
        foreach (var (key, value) in settings)
        {
            all[key] = value;
            if (key.EndsWith("0:ConnectionString", StringComparison.Ordinal))
            {
                all["Replicated:Slaves:0:Name"] = "slave-2";
            }
        }

        return WorkApp.StartAsync(
            UnitOfWork.Connection,
            settings: all,
            build: builder =>
            {
                builder.Services.AddHealthChecks().AddReplicated();
                if (!probed)
                {
                    builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(Prober)));
                }
            },
            slaves: 0);
    }
}
