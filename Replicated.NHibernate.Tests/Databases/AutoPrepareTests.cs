using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Statements that are used often are prepared on the server, unless a pooler is in between or somebody says otherwise.</summary>
internal sealed class AutoPrepareTests
{
    private const int NotPrepared = 34;
    private const string Often = "select count(*) from post where title = 'prepared'";

    [Test]
    public async Task Statement_used_often_is_prepared_on_slave_and_master()
    {
        await using var app = await App(SharedCluster.Cluster.Slaves[0].ConnectionString);
        await Until(() => AllDirect(app));
        Assert.That((await Prepared(app, HttpMethod.Get), await Prepared(app, HttpMethod.Post)), Is.EqualTo((1L, 1L)));
        Assert.That(app.Log.Messages(NotPrepared), Is.Empty);
    }

    [Test]
    public async Task Nothing_is_prepared_behind_a_pooler_and_it_is_said_once([Values("session", "transaction")] string poolMode)
    {
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Cluster.Slaves[0], poolMode);
        await using var app = await App(pooler.ConnectionString);
        await Until(() => Slave(app).Health.State == NodeState.Up);
        await app.Services.GetRequiredService<NodeQuestions>().CheckDirect(Slave(app), await Open(Slave(app).ReadOnlyConnectionString), default);
        Assert.That((Slave(app).IsDirect, await Prepared(app, HttpMethod.Get)), Is.EqualTo((false, 0L)));
        Assert.That(app.Log.Messages(NotPrepared).Single(), Is.EqualTo("Statements are not prepared on slave-1: a pooler is in between. Said once per node."));
    }

    [Test]
    public async Task Connection_string_that_says_otherwise_stays_as_it_is()
    {
        await using var app = await App(SharedCluster.Cluster.Slaves[0].ConnectionString + ";Max Auto Prepare=0");
        await Until(() => AllDirect(app));
        Assert.That(await Prepared(app, HttpMethod.Get), Is.Zero);
    }

    [Test]
    public async Task Switch_turns_it_off()
    {
        await using var app = await App(SharedCluster.Cluster.Slaves[0].ConnectionString, autoPrepare: false);
        await Until(() => Slave(app).Health.State == NodeState.Up);
        Assert.That((await Prepared(app, HttpMethod.Get), await Prepared(app, HttpMethod.Post)), Is.EqualTo((0L, 0L)));
    }

    // Npgsql prepares at the fifth use on one connection; the pool of a test has one.
    private static async Task<long> Prepared(WorkApp app, HttpMethod method)
    {
        var prepared = 0L;
        for (var use = 0; use < 6; use++)
        {
            (await app.Send(method, "/run", async context =>
            {
                await context.Board().ScalarAsync(Often);
                prepared = await context.Board().ScalarAsync($"select count(*) from pg_prepared_statements where statement = $${Often}$$");
            })).Ok();
        }

        return prepared;
    }

    private static bool AllDirect(WorkApp app) => Slave(app).IsDirect && app.Services.GetRequiredService<NodeRegistry>().Master.IsDirect;

    private static Node Slave(WorkApp app) => app.Services.GetRequiredService<NodeRegistry>().Slaves.Single();

    // Pools of their own, of one connection each.
    private static Task<WorkApp> App(string slave, bool autoPrepare = true)
    {
        var own = $";Application Name={Guid.NewGuid()};Maximum Pool Size=1";
        return WorkApp.StartAsync(
            UnitOfWork.Connection,
            SharedCluster.Cluster,
            new()
            {
                ["ConnectionStrings:Master"] = SharedCluster.Master.ConnectionString + own,
                ["ConnectionStrings:Slave"] = slave + own,
                ["Replicated:AutoPrepare"] = autoPrepare.ToString(),
            },
            slaves: 0);
    }

    private static async Task<NpgsqlConnection> Open(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync();
        return connection;
    }

    private static async Task Until(Func<bool> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(10, enough.Token);
        }
    }
}
