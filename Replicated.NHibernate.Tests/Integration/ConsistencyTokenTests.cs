using System.Data.Common;
using System.Net;
using System.Transactions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Which answers carry a token: those of requests that wrote, however they did it, and no others.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class ConsistencyTokenTests(UnitOfWork unit)
{
    private const string Functions =
        """
        create or replace function add_post(uuid) returns int language sql as $$ insert into post (id, title) values ($1, 'by a function'); select 1 $$;
        create table if not exists checked_late (id uuid, other uuid references post (id) deferrable initially deferred);
        """;

    private static readonly Dictionary<string, Func<HttpContext, Guid, Task>> Writes = new()
    {
        ["of the unit of work"] = (context, id) => context.Board().AddAsync(id),
        ["insert"] = (context, id) => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'x')"),
        ["insert, delete"] = (context, id) => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'x'); delete from post where id = '{id}'"),
        ["returning"] = (context, id) => context.Board().ScalarAsync($"insert into post (id, title) values ('{id}', 'x') returning version"),
        ["with"] = (context, id) => context.Board().ScalarAsync($"with w as (insert into post (id, title) values ('{id}', 'x') returning version) select version from w"),
        ["select of a function"] = (context, id) => context.Board().ScalarAsync($"select add_post('{id}')"),
        ["plain ADO.NET"] = (context, id) => Plain(context, $"insert into post (id, title) values ('{id}', 'x')"),
        ["plain ADO.NET, reading"] = (context, id) => Plain(context, $"select add_post('{id}')"),
        ["a transaction of its own"] = async (context, id) =>
        {
            var connection = context.RequestServices.GetRequiredService<DbConnection>();
            await connection.OpenAsync();
            await using var transaction = await connection.BeginTransactionAsync();
            await Plain(context, $"insert into post (id, title) values ('{id}', 'x')");
            await transaction.CommitAsync();
        },
        ["a TransactionScope"] = (context, id) => InScope(context, $"insert into post (id, title) values ('{id}', 'x') returning version", completes: true),
        ["a TransactionScope, by a function"] = (context, id) => InScope(context, $"select add_post('{id}')", completes: true),
        ["among reads"] = async (context, id) =>
        {
            await context.Board().WhereAsync();
            await context.Board().AddAsync(id);
            await context.Board().HasAsync(id);
        },
    };

    private static readonly Dictionary<string, Func<HttpContext, Task>> Others = new()
    {
        ["nothing"] = _ => Task.CompletedTask,
        ["a read"] = context => context.Board().WhereAsync(),
        ["a read by plain ADO.NET"] = context => Plain(context, "select 1"),
        ["a write rolled back by an exception"] = async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'never')");
            throw new InvalidOperationException("on purpose");
        },
        ["a write rolled back by a 500"] = async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'never')");
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        },
        ["a write rolled back by the application"] = async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'never')");
            await context.RequestServices.GetRequiredService<IReplicatedScope>().RollbackAsync();
        },
        ["a TransactionScope that is not completed"] = context =>
            InScope(context, $"insert into post (id, title) values ('{Guid.NewGuid()}', 'never') returning version", completes: false),
        ["a commit that fails"] = context =>
            context.Board().ExecuteAsync($"insert into checked_late values ('{Guid.NewGuid()}', '{Guid.NewGuid()}')"),
        ["a statement that fails and is swallowed"] = async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'never')");
            await context.Board().ExecuteAsync("select 1 / 0").ContinueWith(_ => { }, TaskScheduler.Default);
        },
    };

    private WorkApp _app = null!;

    public static IEnumerable<string> WritesByName => Writes.Keys;

    public static IEnumerable<string> OthersByName => Others.Keys;

    [OneTimeSetUp]
    public async Task Start()
    {
        await SharedCluster.Execute(SharedCluster.Master, Functions);
        _app = await WorkApp.StartAsync(unit);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_write_carries_the_place_behind_it([ValueSource(nameof(WritesByName))] string write, [Values("POST", "GET")] string verb)
    {
        var before = await SharedCluster.Master.EndOfLog();
        var reply = await _app.Send(new HttpMethod(verb), "/master", context => Writes[write](context, Guid.NewGuid()));
        MustLieBetween(before, reply.Ok().Carried(), await SharedCluster.Master.EndOfLog());
    }

    [Test]
    public async Task A_write_that_its_database_committed_by_itself_is_tokened_too(
        [Values("insert", "returning", "plain ADO.NET")] string write, [Values] bool fails)
    {
        await using var app = await WorkApp.StartAsync(unit, settings: new() { ["Replicated:TransactionPerRequest"] = "false" });
        var before = await SharedCluster.Master.EndOfLog();
        var id = Guid.NewGuid();
        var reply = await app.Post(async context =>
        {
            await Writes[write](context, id);
            context.Response.StatusCode = fails ? 500 : 200;
        });
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True, reply.Thrown?.ToString());
        MustLieBetween(before, reply.Carried(), await SharedCluster.Master.EndOfLog());
    }

    [Test]
    public async Task Nothing_else_carries_one([ValueSource(nameof(OthersByName))] string what)
    {
        var reply = await _app.Post(Others[what]);
        Assert.That(reply.Carried(), Is.Null, $"{reply.Status} {reply.Thrown}");
    }

    [Test]
    public async Task Reads_carry_none([Values("/run", "/slave", "/master")] string path) =>
        Assert.That((await _app.Get(context => context.Board().WhereAsync(), path)).Ok().Carried(), Is.Null);

    [Test]
    public async Task What_the_application_committed_by_itself_is_tokened_although_the_answer_is_an_error(
        [Values("a transaction of its own", "a TransactionScope", "the scope's commit")] string how)
    {
        var id = Guid.NewGuid();
        var before = await SharedCluster.Master.EndOfLog();
        var reply = await _app.Post(async context =>
        {
            if (how == "the scope's commit")
            {
                await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'x')");
                await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
            }
            else
            {
                await Writes[how](context, id);
            }

            context.Response.StatusCode = 500;
        });
        Assert.That((reply.Status, await SharedCluster.IsOnMaster(id)), Is.EqualTo((HttpStatusCode.InternalServerError, true)));
        MustLieBetween(before, reply.Carried(), await SharedCluster.Master.EndOfLog());
    }

    [Test]
    public async Task Without_slaves_there_are_no_tokens()
    {
        await using var app = await WorkApp.StartAsync(unit, slaves: 0);
        ConsistencyToken? current = null;
        var reply = await app.Send(
            HttpMethod.Post,
            "/run",
            async context =>
            {
                await context.Board().AddAsync(Guid.NewGuid());
                await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
                current = app.Sessions.CurrentToken;
            },
            headers: (TokenClient.Header, new ConsistencyToken(TimeProvider.System.GetUtcNow(), new Position(1, 1)).ToString()));
        Assert.That((reply.Ok().Carried(), current), Is.EqualTo(((ConsistencyToken?)null, (ConsistencyToken?)null)));
    }

    private static void MustLieBetween(ulong before, ConsistencyToken? token, ulong after)
    {
        Assert.That(token?.Position?.Log, Is.EqualTo((UInt128)1), "the timeline of a cluster that was never promoted");
        Assert.That(token!.Value.Position!.Value.Offset, Is.GreaterThan(before).And.LessThanOrEqualTo(after));
        Assert.That(token.Value.WrittenAt, Is.EqualTo(TimeProvider.System.GetUtcNow()).Within(TimeSpan.FromMinutes(1)));
    }

    private static async Task InScope(HttpContext context, string sql, bool completes)
    {
        var board = context.Board();
        using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
        await board.ScalarAsync(sql);
        if (completes)
        {
            scope.Complete();
        }
    }

    private static async Task Plain(HttpContext context, string sql)
    {
        var connection = context.RequestServices.GetRequiredService<DbConnection>();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteScalarAsync();
    }
}
