using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support.Profiling;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>A driver that wraps Npgsql's gets everything that the bare one gets: with batches, without them, and one that looks at connection strings late.</summary>
[TestFixture(true, false)]
[TestFixture(false, false)]
[TestFixture(false, true)]
[Promise(10), Promise(12)]
internal sealed class WrappedDriverTests(bool batches, bool lazy)
{
    private readonly ProfiledFactory _driver = new(NpgsqlFactory.Instance, batches, lazy);
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await App();
        await Until(() => _app.Services.GetRequiredService<NodeRegistry>().Slaves.All(s => s is { Health.State: NodeState.Up, Reading: not null }));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public void Database_is_known_although_its_class_is_not()
    {
        var provider = _app.Services.GetRequiredService<DatabaseProvider>();
        Assert.That(provider.ConnectionType, Is.EqualTo(typeof(ProfiledConnection).FullName));
        Assert.That((provider.Dialect.Name, provider.Dialect.SwitchesByConnectionString), Is.EqualTo(("PostgreSQL", !lazy)));
        Assert.That(_app.Log.Messages(33), Is.Empty, "Nothing is off.");
    }

    [Test]
    public async Task Write_is_followed_by_a_place_in_one_round_trip_and_read_on_a_slave()
    {
        var client = new TokenClient(_app);
        _driver.Executed.Clear();
        var id = await client.Write();
        Assert.That(client.Token.Position, Is.Not.Null);
        var commit = _driver.Executed.Single(sql => sql.Contains("txid_current_if_assigned", StringComparison.Ordinal));
        Assert.That(commit, Does.Contain("commit").And.Contain("pg_current_wal_insert_lsn"));
        Assert.That(commit.StartsWith("batch: ", StringComparison.Ordinal), Is.EqualTo(batches));
        await SharedCluster.Cluster.WaitForSlavesAsync();
        var (place, has, _) = await client.Read(id);
        Assert.That((place.InRecovery, has), Is.EqualTo((true, true)));
    }

    [Test]
    public async Task Failed_statement_that_was_swallowed_is_not_committed()
    {
        var id = Guid.NewGuid();
        var reply = await _app.Post(async context =>
        {
            await context.Board().AddAsync(id);
            await Assert.CatchAsync(() => context.Board().ExecuteAsync("select 1/0"));
        });
        Assert.That((reply.Status, reply.TokenHeader), Is.EqualTo((HttpStatusCode.InternalServerError, (string?)null)));
        Assert.That(await SharedCluster.Ask<bool>(SharedCluster.Master, $"select exists (select 1 from post where id = '{id}')"), Is.False);
    }

    [Test]
    public async Task Commit_that_a_deferred_constraint_fails_is_an_error()
    {
        await SharedCluster.Execute(SharedCluster.Master, "create table if not exists checked_at_commit (other uuid references post (id) deferrable initially deferred)");
        var id = Guid.NewGuid();
        var reply = await _app.Post(async context =>
        {
            await context.Board().AddAsync(id);
            await context.Board().ExecuteAsync($"insert into checked_at_commit values ('{Guid.NewGuid()}')");
        });
        Assert.That((reply.Status, reply.TokenHeader), Is.EqualTo((HttpStatusCode.InternalServerError, (string?)null)));
        Assert.That(await SharedCluster.Ask<bool>(SharedCluster.Master, $"select exists (select 1 from post where id = '{id}')"), Is.False);
    }

    [Test]
    public async Task Session_of_slave_role_is_read_only_on_a_server_that_writes()
    {
        await using var app = await App(("ConnectionStrings:Slave", SharedCluster.Master.ConnectionString));
        var id = Guid.NewGuid();
        // The words of a function tell nothing, so that only the database can refuse it.
        await SharedCluster.Execute(SharedCluster.Master, "create or replace function wrapped_post(id uuid) returns int language sql as $$ insert into post (id, title) values (id, 'never'); select 1 $$");
        var reply = await app.Get(context => context.Board().ExecuteAsync($"select wrapped_post('{id}')"));
        Assert.That(reply.Thrown, Is.InstanceOf<SlaveWriteException>().With.InnerException.Property("SqlState").EqualTo("25006"));
        (await app.Post(context => context.Board().AddAsync(id))).Ok();
        Assert.That(await SharedCluster.Ask<bool>(SharedCluster.Master, $"select title = 'a post' from post where id = '{id}'"), Is.True, "A pooled connection is read-only for no longer than its lease.");
    }

    private Task<WorkApp> App(params (string Key, string Value)[] settings) => WorkApp.StartAsync(
        new UnitOfWork("wrapped", (services, options) =>
        {
            services.AddReplicatedConnections(_driver, options);
            services.AddScoped<IBoard, ConnectionBoard>();
        }),
        SharedCluster.Cluster,
        settings.ToDictionary(s => s.Key, s => (string?)s.Value, StringComparer.Ordinal),
        slaves: settings.Length == 0 ? 2 : 0);

    private static async Task Until(Func<bool> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(10, enough.Token);
        }
    }
}
