using System.Net;
using Dapper;
using Microsoft.AspNetCore.Http;
using NHibernate;
using NHibernate.Exceptions;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>PostgreSQL turns the COMMIT of a failed transaction into ROLLBACK and reports success; here that is never a 2xx.</summary>
internal sealed class SwallowedErrorTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    private static readonly (string Name, Func<HttpContext, bool, Task> Fail)[] Failures =
    [
        ("HQL", (c, async) => Run(async, () => c.Session().CreateQuery("update Invoice set Name = cast(1 / 0 as string)").ExecuteUpdate(),
            () => c.Session().CreateQuery("update Invoice set Name = cast(1 / 0 as string)").ExecuteUpdateAsync())),
        ("Native_query", (c, async) => Run(async, () => c.Session().CreateSQLQuery("select 1 / 0").List(), () => c.Session().CreateSQLQuery("select 1 / 0").ListAsync())),
        ("Native_query_that_fails_while_it_is_read", (c, async) => Run(
            async,
            () => c.Session().CreateSQLQuery("select 1 / (5000 - x) from generate_series(1, 6000) x").List(),
            () => c.Session().CreateSQLQuery("select 1 / (5000 - x) from generate_series(1, 6000) x").ListAsync())),
        ("Native_second_statement", (c, async) => Run(
            async,
            () => c.Session().CreateSQLQuery("select 1; select 1 / 0").List(),
            () => c.Session().CreateSQLQuery("select 1; select 1 / 0").ListAsync())),
        ("Native_update", (c, async) => Run(async, () => c.Session().CreateSQLQuery("update no_table set x = 1").ExecuteUpdate(),
            () => c.Session().CreateSQLQuery("update no_table set x = 1").ExecuteUpdateAsync())),
        ("Save_with_a_unique_violation", (c, async) => Run(async, () => Twice(c.Session()).Flush(), () => Twice(c.Session()).FlushAsync())),
        ("Stateless", (c, async) => Run(async, () => c.Stateless().CreateSQLQuery("select 1 / 0").List(), () => c.Stateless().CreateSQLQuery("select 1 / 0").ListAsync())),
        ("Raw_enlisted", async (c, async) =>
        {
            await using var command = c.Session().Connection.CreateCommand();
            c.Session().GetCurrentTransaction().Enlist(command);
            command.CommandText = "select 1 / 0";
            _ = async ? await command.ExecuteScalarAsync() : command.ExecuteScalar();
        }),
        ("Dapper", (c, async) => Run(async, () => c.Connection().Execute("select 1 / 0"), () => c.Connection().ExecuteAsync("select 1 / 0"))),
    ];

    public static IEnumerable<TestCaseData> Cases =>
        from failure in Failures
        from async in WritePaths.SyncAndAsync
        select new TestCaseData(failure.Name, async).SetArgDisplayNames(failure.Name, async ? "async" : "sync");

    [TestCaseSource(nameof(Cases)), Promise(9)]
    public async Task An_error_that_the_application_swallowed_is_no_2xx_and_nothing_is_persisted(string name, bool async)
    {
        var before = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            context.Session().Save(new Note { Name = before });
            context.Session().Flush();
            try
            {
                await Array.Find(Failures, f => f.Name == name).Fail(context, async);
            }
            catch (Exception e) when (e is GenericADOException or PostgresException)
            {
                // On purpose: the application believes that it may go on.
            }

            return Results.StatusCode(StatusCodes.Status201Created);
        });
        Assert.That(answer.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("rolled back instead of committed").And.Message.Contains("POST"));
        Assert.That(await Database.Ask<bool>($"select exists (select 1 from note where name = '{before}')"), Is.False);
    }

    [Test]
    public async Task A_connection_that_was_lost_in_the_middle_is_no_2xx_even_where_the_error_was_swallowed()
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        var answer = await _app.Post(async context =>
        {
            var connection = context.Connection();
            await connection.ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name = names[0] });
            var process = await connection.ExecuteScalarAsync<int>("select pg_backend_pid()");
            await Database.Execute($"select pg_terminate_backend({process}, 5000)");
            Assert.That(() => connection.ExecuteAsync("select 1"), Throws.InstanceOf<NpgsqlException>());
            try
            {
                await connection.ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name = names[1] });
            }
            catch (InvalidOperationException)
            {
                // Swallowed once more.
            }

            return Results.StatusCode(StatusCodes.Status201Created);
        });
        Assert.That(answer.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name in ('{names[0]}', '{names[1]}')"), Is.Zero, "not one, and not the other alone");
    }

    [Test]
    public async Task Disposing_what_the_session_lent_takes_nothing_away()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
            await context.Session().Connection.DisposeAsync();
            await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
            return Results.StatusCode(StatusCodes.Status201Created);
        });
        Assert.That(answer.Status, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(2));
    }

    [Test]
    public async Task The_request_after_a_lost_connection_works()
    {
        await _app.Post(async context =>
        {
            await Database.Execute($"select pg_terminate_backend({context.Session().Backend()}, 5000)");
            return SessionApp.Done(context.Session().Backend());
        });
        (await _app.Post(session => session.Backend())).Ok();
    }

    [Test]
    public async Task An_own_rollback_after_the_error_makes_the_answer_the_applications_own()
    {
        var (before, after) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        (await _app.Post(session =>
        {
            using var own = session.BeginTransaction();
            session.Save(new Note { Name = before });
            session.Flush();
            Assert.That(() => session.CreateSQLQuery("select 1 / 0").List(), Throws.InstanceOf<GenericADOException>());
            own.Rollback();
            session.Clear();
            using var again = session.BeginTransaction();
            session.Save(new Note { Name = after });
            again.Commit();
            return null;
        })).Ok();
        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{before}', '{after}')"), Is.EqualTo(after));
    }

    private static ISession Twice(ISession session)
    {
        var id = Guid.NewGuid();
        session.CreateSQLQuery($"insert into setting values ('{id}', 'there')").ExecuteUpdate();
        session.Save(new Setting { Id = id, Name = "again" });
        return session;
    }

    private static Task Run(bool async, Action fail, Func<Task> failAsync)
    {
        if (async)
        {
            return failAsync();
        }

        fail();
        return Task.CompletedTask;
    }
}
