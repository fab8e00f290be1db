using System.Data;
using System.Data.Common;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>UseSnapshot on sessions: every kind of unit, lazy loading, changes, and transactions of the application's own.</summary>
internal sealed class SnapshotSessionTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(
        configure: () => Database.Configure().BuildConfiguration(),
        services: s => s.AddControllers().With(new TypesPart([typeof(StatementController)])),
        map: app => app.MapControllers());

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(6)]
    public async Task All_units_of_the_role_share_it([Values("GET", "POST")] string verb)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Send(new HttpMethod(verb), "/snapshot", async context =>
        {
            var session = context.Session();
            Assert.That(session.Query<Note>().Count(n => n.Name == name), Is.Zero);
            await Add($"insert into note values ('{Guid.NewGuid()}', '{name}')");
            var sharing = session.SessionWithOptions().Connection().OpenSession();
            return SessionApp.Done((
                session.Query<Note>().Count(n => n.Name == name),
                sharing.Query<Note>().Count(n => n.Name == name),
                context.Stateless().Query<Note>().Count(n => n.Name == name),
                await context.Connection().ExecuteScalarAsync<int>("select count(*) from note where name = @name", new { name })));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(0, 0, 0, 0)"));
    }

    [TestCase("GET", "statement", 0)]
    [TestCase("GET", "statement/plain", 1)]
    [TestCase("POST", "statement", 1, Description = "the master's ends with its commit")]
    public async Task A_views_lazy_loading_is_of_the_slaves_moment(string verb, string path, int lines)
    {
        var key = Guid.NewGuid();
        await Add($"insert into invoice (id, name) values ('{key}', '{key}')");
        var answer = await _app.Send(new HttpMethod(verb), $"/{path}/{key}");
        Assert.That(answer.Ok().Body, Is.EqualTo($"{lines}"));
    }

    [Test, Promise(12)]
    public async Task Changes_are_refused_at_the_commit_point_and_before_a_query([Values] bool query, [Values] bool stateless)
    {
        var key = Guid.NewGuid();
        await Add($"insert into invoice (id, name) values ('{key}', '{key}')");
        var answer = await _app.Send(HttpMethod.Get, "/snapshot", async context =>
        {
            if (stateless)
            {
                await context.Stateless().InsertAsync(new Note { Name = "never" });
            }

            (await context.Session().GetAsync<Invoice>(key)).Name = "touched";
            if (query)
            {
                Assert.That(context.Session().Query<Invoice>().Count(), Is.Positive);
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
        Assert.That(await Database.Ask<string>($"select name from invoice where id = '{key}'"), Is.EqualTo(key.ToString()));
    }

    [Test]
    public async Task A_transaction_of_the_applications_own_is_within_it_and_ends_nothing(
        [Values] bool commits, [Values(IsolationLevel.Unspecified, IsolationLevel.RepeatableRead, IsolationLevel.Snapshot)] IsolationLevel level, [Values("session", "stateless", "connection")] string unit)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Send(HttpMethod.Get, "/snapshot", async context =>
        {
            var counts = new List<int>();
            for (var i = 0; i < 2; i++)
            {
                await InTransaction(context, unit, level, commits, () => counts.Add(context.Session().Query<Note>().Count(n => n.Name == name)));
                await Add($"insert into note values ('{Guid.NewGuid()}', '{name}')");
            }

            counts.Add(context.Session().Query<Note>().Count(n => n.Name == name));
            return SessionApp.Done($"{string.Join(',', counts)} {context.Session().Scalar("show transaction_isolation")}");
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("0,0,0 repeatable read"));
    }

    [Test]
    public async Task Another_level_is_an_error_that_names_the_remedy(
        [Values(IsolationLevel.ReadCommitted, IsolationLevel.Serializable)] IsolationLevel level, [Values] bool afterAStatement, [Values("session", "connection")] string unit)
    {
        var answer = await _app.Send(HttpMethod.Get, "/snapshot", async context =>
        {
            if (afterAStatement)
            {
                context.Session().Scalar("select 1");
            }

            await InTransaction(context, unit, level, commits: true, () => { });
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains($"Isolation level {level} was asked for").And.Message.Contains("RepeatableRead"));
    }

    [TestCase(IsolationLevel.Unspecified, "repeatable read")]
    [TestCase(IsolationLevel.RepeatableRead, "repeatable read")]
    [TestCase(IsolationLevel.Serializable, "serializable", Description = "which is one moment too")]
    [TestCase(IsolationLevel.ReadCommitted, null)]
    public async Task On_the_master_it_is_the_requests_transaction(IsolationLevel level, string? told)
    {
        var name = Guid.NewGuid().ToString();
        string[] levels = [];
        var answer = await _app.Send(HttpMethod.Post, "/snapshot", context =>
        {
            var session = context.Session();
            var own = session.BeginTransaction(level);
            session.Save(new Note { Name = name });
            levels = [session.Scalar("show transaction_isolation"), ""];
            own.Commit();
            session.Save(new Note { Name = name });
            levels[1] = session.Scalar("show transaction_isolation");
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.IsSuccess, Is.EqualTo(told is not null));
        Assert.That(levels, Is.EqualTo(told is null ? Array.Empty<string>() : [told, "repeatable read"]));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(told is null ? 0 : 2));
    }

    [TestCase(IsolationLevel.Unspecified, "repeatable read")]
    [TestCase(IsolationLevel.Serializable, "serializable")]
    [TestCase(IsolationLevel.ReadCommitted, null)]
    public async Task On_the_master_transactions_that_are_left_to_the_application_begin_at_its_level(IsolationLevel level, string? told)
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var answer = await app.Send(HttpMethod.Post, "/snapshot", context =>
        {
            var before = context.Session().Scalar("show transaction_isolation");
            using var own = context.Session().BeginTransaction(level);
            return Task.FromResult(SessionApp.Done($"{before}, {context.Session().Scalar("show transaction_isolation")}"));
        });
        Assert.That(answer.IsSuccess ? answer.Body : null, Is.EqualTo(told is null ? null : $"read committed, {told}"));
        Assert.That(answer.Thrown?.Message, told is null ? Does.Contain($"Isolation level {level} was asked for") : Is.Null);
    }

    [Test]
    public async Task On_the_master_a_row_that_somebody_else_has_changed_meanwhile_cannot_be_written([Values("/snapshot", "/run")] string path)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        var answer = await _app.Send(HttpMethod.Post, path, async context =>
        {
            var setting = await context.Session().GetAsync<Setting>(key);
            await Database.Execute($"update setting set name = 'theirs' where id = '{key}'");
            setting.Name = "ours";
            return SessionApp.Done();
        });
        Assert.That((answer.Thrown?.GetBaseException() as DbException)?.SqlState, Is.EqualTo(path == "/snapshot" ? "40001" : null));
        Assert.That(await Database.Ask<string>($"select name from setting where id = '{key}'"), Is.EqualTo(path == "/snapshot" ? "theirs" : "ours"));
    }

    [Test]
    public async Task A_statement_that_fails_ends_it()
    {
        var answer = await _app.Send(HttpMethod.Get, "/snapshot", context =>
        {
            Assert.That(() => context.Session().Scalar("select 1 / 0"), Throws.Exception);
            return Task.FromResult(SessionApp.Done(context.Session().Scalar("select 1")));
        });
        Assert.That((answer.Thrown?.GetBaseException() as DbException)?.SqlState, Is.EqualTo("25P02"));
    }

    [Test]
    public async Task A_scope_of_its_own_within_the_request_has_none([Values] bool asks)
    {
        var answer = await _app.Send(HttpMethod.Get, "/snapshot", async context =>
        {
            context.Session().Scalar("select 1");
            var sessions = context.RequestServices.GetRequiredService<IReplicatedSessions>();
            await using var scope = sessions.BeginScope(DatabaseRole.Slave);
            if (asks)
            {
                sessions.UseSnapshot();
            }

            return SessionApp.Done(context.Session().Scalar("show transaction_isolation"));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo(asks ? "repeatable read" : "read committed"));
    }

    [Test]
    public async Task A_transaction_that_was_asked_for_before_is_not_turned_into_one([Values] DatabaseRole role)
    {
        var sessions = _app.Services.GetRequiredService<IReplicatedSessions>();
        await using var scope = sessions.BeginScope(role);
        var factory = role == DatabaseRole.Master ? _app.Factories.Master : _app.Factories.Slave;
        factory.GetCurrentSession().BeginTransaction(IsolationLevel.ReadCommitted);
        Assert.That(sessions.UseSnapshot, Throws.InvalidOperationException.With.Message.Contains("Isolation level ReadCommitted"));
        Assert.That(factory.GetCurrentSession().Scalar("show transaction_isolation"), Is.EqualTo("read committed"));
    }

    [Test]
    public async Task Sessions_that_nobody_used_open_nothing()
    {
        await using var app = await SessionApp.StartAsync(map: a => a.MapGet("/unused", (ISession session, IStatelessSession stateless, DbConnection connection) => "").UseSnapshot());
        (await app.Send(HttpMethod.Get, "/unused")).Ok();
        Assert.That(app.Log.Messages(1), Is.Empty, "No route was taken.");
    }

    private static async Task InTransaction(HttpContext context, string unit, IsolationLevel level, bool commits, Action work)
    {
        if (unit == "connection")
        {
            await using var transaction = await context.Connection().BeginTransactionAsync(level);
            work();
            await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
        }
        else
        {
            using var transaction = unit == "session" ? context.Session().BeginTransaction(level) : context.Stateless().BeginTransaction(level);
            work();
            await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
        }
    }

    internal static async Task Add(string sql)
    {
        await Database.Execute(sql);
        await Database.Cluster.WaitForSlavesAsync();
    }
}

[Route("statement")]
internal sealed class StatementController(ISession session) : ControllerBase
{
    [AcceptVerbs("GET", "POST", Route = "{key:guid}"), UseSnapshot]
    public Task<IActionResult> Read(Guid key) => Plain(key);

    [HttpGet("plain/{key:guid}")]
    public async Task<IActionResult> Plain(Guid key)
    {
        var invoice = await session.GetAsync<Invoice>(key);
        await SnapshotSessionTests.Add($"insert into invoice_line values ('{Guid.NewGuid()}', '{key}', 'in between')");
        return new Rendered(response => response.WriteAsync($"{invoice.Lines.Count}"));
    }

    private sealed class Rendered(Func<HttpResponse, Task> render) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => render(context.HttpContext.Response);
    }
}
