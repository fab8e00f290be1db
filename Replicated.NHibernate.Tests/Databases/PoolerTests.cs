using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>A pooler that drops startup options, the database's read-only switch among them.</summary>
[Promise(12)]
internal sealed class PoolerTests
{
    private const int ReadOnlyModeOff = 32;

    [Test]
    public async Task Read_only_mode_that_a_pooler_drops_is_said_once_by_name([Values("session", "transaction")] string poolMode)
    {
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Cluster.Slaves[0], poolMode);
        await using var app = await App(pooler.ConnectionString);
        await Until(() => app.Services.GetRequiredService<NodeRegistry>().Slaves is [{ IsReadOnlyModeOff: true, Health.State: NodeState.Up }]);
        await app.Services.GetRequiredService<NodeQuestions>().CheckReadOnlyMode(Slave(app), await Open(Slave(app).ReadOnlyConnectionString), default);
        Assert.That(app.Log.Messages(ReadOnlyModeOff).Single(), Does.StartWith("Sessions of slave role on slave-1 are not in the database's read-only mode"));
    }

    [Test]
    public async Task Mode_that_the_role_brings_along_is_on_behind_a_pooler_too()
    {
        await SharedCluster.Execute(SharedCluster.Master, """
            do $$ begin create role through_pooler login; exception when duplicate_object then null; end $$;
            alter role through_pooler set default_transaction_read_only = on;
            """);
        await SharedCluster.Cluster.WaitForSlavesAsync();
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Cluster.Slaves[0], "transaction");
        await using var app = await App(new NpgsqlConnectionStringBuilder(pooler.ConnectionString) { Username = "through_pooler" }.ConnectionString);
        await Until(() => Slave(app).Health.State == NodeState.Up);
        Assert.That((Slave(app).IsReadOnlyModeOff, app.Log.Messages(ReadOnlyModeOff).Count()), Is.EqualTo((false, 0)));
    }

    [Test]
    public async Task Behind_a_pooler_reads_run_in_read_only_transactions_and_nobody_else_is_reached([Values("session", "transaction")] string poolMode)
    {
        await SharedCluster.Execute(SharedCluster.Master, "create or replace function pooled_write(key uuid) returns int language sql as $$ insert into post (id, title) values (key, 'by a function') returning 1 $$");
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Master, poolMode);
        // No slave answers, so the master stands in, writable.
        await using var app = await WorkApp.StartAsync(
            UnitOfWork.Connection,
            settings: new() { ["ConnectionStrings:Master"] = pooler.ConnectionString + ";Maximum Pool Size=4", ["ConnectionStrings:Slave"] = "Host=127.0.0.1;Port=1;Username=x;Timeout=1" },
            slaves: 0);
        var master = app.Services.GetRequiredService<NodeRegistry>().Master;
        await Until(() => master is { IsReadOnlyModeOff: true, Health.State: NodeState.Up });
        var (id, written) = (Guid.NewGuid(), Guid.NewGuid());
        var after = -1L;
        var refused = await app.Get(async context =>
        {
            var board = context.Board();
            await board.ScalarAsync("select count(*) from post");
            var failure = await Assert.CatchAsync(() => board.ScalarAsync($"select pooled_write('{id}')"));
            after = await board.ScalarAsync("select 41 + 1");
            throw failure!;
        });
        (await app.Post(context => context.Board().AddAsync(written))).Ok();
        Assert.Multiple(async () =>
        {
            Assert.That((refused.Thrown, after), Is.EqualTo((refused.Thrown as SlaveWriteException, 42L)), "A failed statement does not spoil the next one.");
            Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
            Assert.That(await SharedCluster.IsOnMaster(written), Is.True, "Nobody made the server's session read-only.");
        });
    }

    [Test]
    public async Task Pooler_that_refuses_the_option_is_told_with_the_remedy([Values("session", "transaction")] string poolMode)
    {
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Cluster.Slaves[0], poolMode, dropsOptions: false);
        await using var app = await App(pooler.ConnectionString);
        await Until(() => Slave(app).Health.State == NodeState.Down);
        Assert.That(Slave(app).Health.Why, Does.Contain("ignore_startup_parameters = options").And.Contain("ReadOnlySwitch"));
    }

    [Test]
    public async Task Pooler_that_refuses_the_option_works_without_it([Values("session", "transaction")] string poolMode)
    {
        await using var pooler = await PgBouncer.StartAsync(SharedCluster.Cluster.Slaves[0], poolMode, dropsOptions: false);
        await using var app = await WorkApp.StartAsync(
            UnitOfWork.Connection, SharedCluster.Cluster, new() { ["ConnectionStrings:Slave"] = pooler.ConnectionString, ["Replicated:ReadOnlySwitch"] = "false" }, slaves: 0);
        await Until(() => Slave(app).Health.State == NodeState.Up);
        var read = await app.Get(async context => await context.Board().ScalarAsync("select count(*) from post"));
        var write = await app.Get(context => context.Board().AddAsync(Guid.NewGuid()));
        Assert.That((read.Ok().Route, write.Thrown is SlaveWriteException), Is.EqualTo(("role=slave; node=slave-1; reason=verb", true)));
    }

    [Test]
    public async Task Mode_is_on_where_nobody_is_in_between()
    {
        await using var app = await App(SharedCluster.Cluster.Slaves[0].ConnectionString);
        await Until(() => Slave(app).Health.State == NodeState.Up);
        Assert.That((Slave(app).IsReadOnlyModeOff, app.Log.Messages(ReadOnlyModeOff).Count()), Is.EqualTo((false, 0)));
    }

    private static Node Slave(WorkApp app) => app.Services.GetRequiredService<NodeRegistry>().Slaves.Single();

    private static Task<WorkApp> App(string slave) => WorkApp.StartAsync(
        UnitOfWork.Connection, SharedCluster.Cluster, new() { ["ConnectionStrings:Slave"] = slave }, slaves: 0);

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
