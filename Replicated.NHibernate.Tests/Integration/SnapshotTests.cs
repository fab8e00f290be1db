using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>UseSnapshot: whatever is committed and replayed while a page is made, the page shows one moment.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class SnapshotTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "/snapshot", true, true)]
    [TestCase("GET", "/run", true, false)]
    [TestCase("GET", "/snapshot/slave", true, true)]
    [TestCase("POST", "/snapshot/slave", true, true)]
    [TestCase("POST", "/slave", true, false)]
    [TestCase("GET", "/snapshot/master", false, true)]
    [TestCase("GET", "/master", false, false)]
    [TestCase("POST", "/snapshot", false, true)]
    [TestCase("POST", "/run", false, false)]
    [Promise(6)]
    public async Task What_is_committed_while_the_page_is_made_is_not_on_it(string verb, string path, bool onSlave, bool isSnapshot)
    {
        var seen = new Sightings();
        (await _app.Send(new HttpMethod(verb), path, context => seen.Look(context))).Ok();
        Assert.That((seen.OnSlave, seen.Before, seen.After), Is.EqualTo((onSlave, 0, isSnapshot ? 0 : 1)));
    }

    [TestCase("Replicated:TransactionPerRequest", "false", "GET", true, true)]
    [TestCase("Replicated:TransactionPerRequest", "false", "POST", false, false, Description = "transactions on the master are the application's own there")]
    [TestCase("Replicated:AutoReadOnSlave", "false", "GET", false, true)]
    [TestCase("Replicated:ReadOnlySwitch", "false", "GET", true, true)]
    [TestCase("Replicated:MonotonicReads", "Exact", "GET", true, true)]
    [TestCase("no slaves", "", "GET", false, true)]
    public async Task It_is_one_moment_with_other_settings_too(string key, string value, string verb, bool onSlave, bool isSnapshot)
    {
        await using var app = await WorkApp.StartAsync(
            unit, settings: key == "no slaves" ? null : new() { [key] = value }, slaves: key == "no slaves" ? 0 : 2);
        var seen = new Sightings();
        (await app.Send(new HttpMethod(verb), "/snapshot", context => seen.Look(context))).Ok();
        Assert.That((seen.OnSlave, seen.Before, seen.After), Is.EqualTo((onSlave, 0, isSnapshot ? 0 : 1)));
    }

    [TestCase("GET", "/snapshot", 0)]
    [TestCase("GET", "/run", 1)]
    [TestCase("POST", "/snapshot", 1, Description = "the master's ends with its commit")]
    public async Task What_follows_the_first_byte_sees_the_slaves_snapshot_too(string verb, string path, long after)
    {
        var seen = new Sightings();
        (await _app.Send(new HttpMethod(verb), path, context => seen.Look(context, async () =>
        {
            await context.Response.WriteAsync("<html>");
            await context.Response.Body.FlushAsync();
            Assert.That(context.Response.HasStarted, Is.True);
        }))).Ok();
        Assert.That((seen.Before, seen.After), Is.EqualTo((0, after)));
    }

    [Test]
    public async Task In_a_scope_it_is_asked_for_before_the_first_statement([Values] DatabaseRole role, [Values] bool asked, [Values] bool injectedBefore)
    {
        await using var scope = _app.Sessions.BeginScope(role);
        var board = injectedBefore ? _app.Services.NewBoard() : null;
        if (asked)
        {
            _app.Sessions.UseSnapshot();
            _app.Sessions.UseSnapshot();
        }

        var seen = new Sightings();
        await seen.Look(board ?? _app.Services.NewBoard(), _app.Services.NewBoard);
        await scope.CommitAsync();
        var later = await _app.Services.NewBoard().ScalarAsync(seen.Count);
        Assert.That((seen.Before, seen.After, later), Is.EqualTo((0, asked ? 0 : 1, asked && role == DatabaseRole.Slave ? 0 : 1)), "a slave's lasts as long as the scope");
        await scope.RollbackAsync();
        var next = new Sightings();
        Assert.That(await _app.Services.NewBoard().ScalarAsync(seen.Count), Is.EqualTo(1), "the next one begins");
        await next.Look(_app.Services.NewBoard(), _app.Services.NewBoard);
        Assert.That((next.Before, next.After), Is.EqualTo((0, asked ? 0 : 1)));
    }

    [Test]
    public async Task Asked_for_too_late_it_is_an_error_that_names_the_remedy([Values] DatabaseRole role)
    {
        await using (_app.Sessions.BeginScope(role))
        {
            await _app.Services.NewBoard().WhereAsync();
            Assert.That(_app.Sessions.UseSnapshot, Throws.InvalidOperationException.With.Message.Contains("before the first statement").And.Message.Contains("BeginScope"));
        }

        Assert.That(_app.Sessions.UseSnapshot, Throws.InvalidOperationException.With.Message.Contains("There is no scope here"));
    }

    [Test]
    public async Task A_slaves_snapshot_does_not_mind_what_the_master_has_done_before()
    {
        var seen = new Sightings();
        (await _app.Post(async context =>
        {
            await context.Board().WhereAsync();
            using (_app.Sessions.UseSlave())
            {
                _app.Sessions.UseSnapshot();
                await seen.Look(context);
            }
        })).Ok();
        Assert.That((seen.OnSlave, seen.Before, seen.After), Is.EqualTo((true, 0, 0)));
    }

    [Test]
    public async Task A_write_of_the_same_request_is_the_masters_affair_and_not_in_the_snapshot()
    {
        var id = Guid.NewGuid();
        var (onMaster, onSlave) = (false, true);
        var reply = await _app.Get(
            async context =>
            {
                await context.Board().WhereAsync();
                using (_app.Sessions.UseMaster())
                {
                    await context.Board().AddAsync(id);
                    await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
                    onMaster = await context.Board().HasAsync(id);
                }

                await SharedCluster.Cluster.WaitForSlavesAsync();
                onSlave = await context.Board().ScalarAsync($"select count(*) from post where id = '{id}'") > 0;
            },
            "/snapshot");
        Assert.That((onMaster, onSlave), Is.EqualTo((true, false)));
        Assert.That(reply.Ok().Route, Does.Contain("role=slave").And.Contain("reason=stale"));
        Assert.That(reply.TokenHeader, Is.Not.Null);
    }

    [Test]
    public async Task A_statement_that_writes_is_refused([Values("/snapshot", "/snapshot/slave")] string path)
    {
        var id = Guid.NewGuid();
        var reply = await _app.Get(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')"), path);
        Assert.That((reply.Status, await SharedCluster.IsOnMaster(id)), Is.EqualTo((HttpStatusCode.InternalServerError, false)));
    }

    [Test, Promise(9)]
    public async Task However_it_ends_the_connection_goes_back_without_its_transaction(
        [Values("/snapshot", "/snapshot/slave", "/snapshot/master")] string path,
        [Values("well", "an exception", "an error", "a failed statement", "an abort", "a cancelled token", "a reader left open", "a transaction left open")] string how)
    {
        var name = Guid.NewGuid().ToString();
        await using var app = await WorkApp.StartAsync(unit, settings: OnOneConnection(name));
        for (var i = 0; i < 3; i++)
        {
            try
            {
                await app.Get(context => End(context, how), path);
            }
            catch (HttpRequestException) when (how == "an abort")
            {
            }
        }

        foreach (var node in SharedCluster.Cluster.Slaves.Append(SharedCluster.Master))
        {
            await node.UntilTrue($"select not exists (select 1 from pg_stat_activity where application_name = '{name}' and state <> 'idle')");
        }


        // There is one: had it been lost, this would wait for it in vain.
        (await app.Get(context => context.Board().WhereAsync(), path)).Ok();
    }

    private static async Task End(HttpContext context, string how)
    {
        var board = context.Board();
        await board.WhereAsync();
        switch (how)
        {
            case "an exception":
                throw new InvalidOperationException("on purpose");
            case "an error":
                context.Response.StatusCode = 500;
                break;
            case "a failed statement":
                await Assert.CatchAsync(() => board.ScalarAsync("select 1 / 0"));
                break;
            case "an abort":
                context.Abort();
                break;
            case "a cancelled token":
                throw new OperationCanceledException(new CancellationToken(canceled: true));
            case "a reader left open":
                var connection = context.RequestServices.GetRequiredService<System.Data.Common.DbConnection>();
                await connection.OpenAsync();
                var command = connection.CreateCommand();
                command.CommandText = "select generate_series(1, 100000)";
                await (await command.ExecuteReaderAsync()).ReadAsync();
                break;
            case "a transaction left open":
                await context.RequestServices.GetRequiredService<System.Data.Common.DbConnection>().BeginTransactionAsync();
                await board.WhereAsync();
                break;
        }
    }

    private static Dictionary<string, string?> OnOneConnection(string name)
    {
        string Of(PostgresNode node) => new NpgsqlConnectionStringBuilder(node.ConnectionString) { ApplicationName = name, MaxPoolSize = 1, Timeout = 30 }.ConnectionString;
        return new()
        {
            ["ConnectionStrings:Master"] = Of(SharedCluster.Master),
            ["ConnectionStrings:Slave"] = Of(SharedCluster.Cluster.Slaves[0]),
            ["Replicated:Slaves:0:ConnectionString"] = Of(SharedCluster.Cluster.Slaves[1]),
        };
    }
}

/// <summary>Looks for a post before and after it was committed on the master and replayed by every slave.</summary>
internal sealed class Sightings
{
    private readonly Guid _id = Guid.NewGuid();

    public string Count => $"select count(*) from post where id = '{_id}'";

    public long Before { get; private set; }

    public long After { get; private set; }

    public bool OnSlave { get; private set; }

    public Task Look(HttpContext context, Func<Task>? between = null, PostgresCluster? cluster = null) => Look(context.Board(), context.Board, between, cluster);

    public async Task Look(IBoard before, Func<IBoard> after, Func<Task>? between = null, PostgresCluster? cluster = null)
    {
        cluster ??= SharedCluster.Cluster;
        Before = await before.ScalarAsync(Count);
        await SharedCluster.Execute(cluster.Master, $"insert into post (id, title) values ('{_id}', 'in between')");
        await cluster.WaitForSlavesAsync();
        await (between?.Invoke() ?? Task.CompletedTask);
        After = await after().ScalarAsync(Count);
        OnSlave = (await after().WhereAsync()).InRecovery;
    }
}
