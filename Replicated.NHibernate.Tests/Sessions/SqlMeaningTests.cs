using Dapper;
using Microsoft.AspNetCore.Http;
using NHibernate;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What SQL means for the library, on the real cluster: what is a write, what is none, and what ends a transaction.</summary>
internal sealed class SqlMeaningTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TearDown]
    public Task Nothing_is_left() => Leftovers.AreNone(_app);

    [Test, Promise(12)]
    public async Task Advisory_lock_on_a_slave_is_refused_because_it_excludes_nobody(
        [Values("pg_advisory_lock(1)", "pg_try_advisory_lock(1)", "pg_advisory_xact_lock_shared(1)", "pg_advisory_unlock_all()")] string call, [Values] bool raw)
    {
        var answer = await _app.Get(context => Run(context, $"select {call}", raw));
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains("(PG_ADVISORY_LOCK)").And.Message.Contains("[UseMaster]"));
    }

    [Test]
    public async Task Advisory_lock_on_the_master_excludes_others_until_the_request_ends()
    {
        (await _app.Post(async context =>
        {
            await context.Connection().ExecuteAsync("select pg_advisory_xact_lock(4711)");
            Assert.That(await Database.Ask<bool>("select pg_try_advisory_xact_lock(4711)"), Is.False);
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Database.Ask<bool>("select pg_try_advisory_xact_lock(4711)"), Is.True);
    }

    [Test]
    public async Task Settings_may_be_set_on_a_slave_and_reach_no_other_request()
    {
        for (var i = 0; i < 4; i++)
        {
            var answer = await _app.Get(session =>
            {
                var before = session.Scalar("select current_setting('app.tenant', true)");
                session.CreateSQLQuery("set app.tenant = 'mine'").ExecuteUpdate();
                var set = session.Scalar("select current_setting('app.tenant', true)");
                session.CreateSQLQuery("reset app.tenant").ExecuteUpdate();
                session.CreateSQLQuery("set app.tenant = 'again'").ExecuteUpdate();
                return (before, set);
            });
            Assert.That(answer.Ok().Body, Is.EqualTo("(, mine)"));
        }
    }

    [TestCase("select \"update\", merge from (select 1 as \"update\", 2 as merge) t")]
    [TestCase("select t.update, t.delete from (select 1 as update, 2 as delete) t")]
    [TestCase(@"select E'it\'s; update x'")]
    [TestCase("select 'a; delete from note' /* ; drop table note */ -- insert")]
    [TestCase("select $q$ ; truncate note; $q$")]
    public async Task Words_that_are_no_verbs_are_no_writes_on_a_slave(string sql)
    {
        (await _app.Get(async context =>
        {
            context.Session().CreateSQLQuery(sql).List();
            await context.Session().CreateSQLQuery(sql).ListAsync();
            await context.Connection().QueryAsync(sql);
            return SessionApp.Done();
        })).Ok();
    }

    [Test]
    public async Task Savepoints_work_alike_through_session_and_connection([Values("session", "connection", "transaction")] string way)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        (await _app.Post(async context =>
        {
            var (session, connection) = (context.Session(), context.Connection());
            string Insert(string id, string name) => $"insert into note values ({id}, '{name}')";
            switch (way)
            {
                case "session":
                    session.CreateSQLQuery(Insert("gen_random_uuid()", names[0])).ExecuteUpdate();
                    session.CreateSQLQuery("savepoint a").ExecuteUpdate();
                    Assert.That(() => session.CreateSQLQuery(Insert("null", "lost")).ExecuteUpdate(), Throws.InstanceOf<ADOException>());
                    session.CreateSQLQuery("rollback to savepoint a").ExecuteUpdate();
                    session.CreateSQLQuery(Insert("gen_random_uuid()", names[1])).ExecuteUpdate();
                    break;
                case "connection":
                    await connection.ExecuteAsync(Insert("gen_random_uuid()", names[0]));
                    await connection.ExecuteAsync("savepoint a");
                    await Assert.CatchAsync<PostgresException>(() => connection.ExecuteAsync(Insert("null", "lost")));
                    await connection.ExecuteAsync("rollback to savepoint a");
                    await connection.ExecuteAsync(Insert("gen_random_uuid()", names[1]));
                    break;
                default:
                    var transaction = await connection.BeginTransactionAsync();
                    await connection.ExecuteAsync(Insert("gen_random_uuid()", names[0]), transaction: transaction);
                    await transaction.SaveAsync("a");
                    await Assert.CatchAsync<PostgresException>(() => connection.ExecuteAsync(Insert("null", "lost"), transaction: transaction));
                    await transaction.RollbackAsync("a");
                    await connection.ExecuteAsync(Insert("gen_random_uuid()", names[1]), transaction: transaction);
                    await transaction.CommitAsync();
                    break;
            }

            return SessionApp.Done();
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(2));
    }

    [TestCase("update note set name = 'nobody' where id = '00000000-0000-0000-0000-000000000000'")]
    [TestCase("delete from note where id = '00000000-0000-0000-0000-000000000000'")]
    [TestCase("insert into note select id, name from note where false on conflict do nothing")]
    public async Task Statement_that_wrote_nothing_gives_no_token(string sql)
    {
        var (query, raw) = (await _app.Post(context => Run(context, sql, raw: false)), await _app.Post(context => Run(context, sql, raw: true)));
        Assert.That((query.Ok().Token, raw.Ok().Token), Is.EqualTo(((ConsistencyToken?)null, (ConsistencyToken?)null)));
    }

    [Test]
    public async Task Insert_whose_conflict_does_nothing_gives_no_token_and_one_that_wrote_does()
    {
        var sql = $"insert into note values ('{Guid.NewGuid()}', 'once') on conflict do nothing";
        var (first, second) = (await _app.Post(context => Run(context, sql, raw: true)), await _app.Post(context => Run(context, sql, raw: true)));
        Assert.That((first.Ok().Token?.Position is not null, second.Ok().Token), Is.EqualTo((true, (ConsistencyToken?)null)));
    }

    [TestCase("rollback"), TestCase("commit"), TestCase("abort"), TestCase("end"), TestCase("select 1; rollback"), TestCase("begin"), TestCase("start transaction")]
    public async Task Statement_that_ends_the_requests_transaction_is_refused_and_nothing_is_lost_unsaid(string sql)
    {
        foreach (var raw in new[] { false, true })
        {
            var name = Guid.NewGuid().ToString();
            var answer = await _app.Post(async context =>
            {
                context.Session().Save(new Note { Name = name });
                context.Session().Flush();
                return await Run(context, sql, raw);
            });
            // NHibernate wraps what its query throws.
            Assert.That(answer.Thrown?.GetBaseException(), Is.InstanceOf<InvalidOperationException>().With.Message.Contains("Commit, Rollback").And.Message.Contains("TransactionPerRequest"));
            Assert.That((answer.Token, await Database.Ask<long>($"select count(*) from note where name = '{name}'")), Is.EqualTo(((ConsistencyToken?)null, 0L)));
        }
    }

    [Test]
    public async Task Transaction_of_words_works_where_the_application_has_the_transactions()
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        var answer = await app.Post(async context =>
        {
            foreach (var (name, end) in new[] { (names[0], "commit work"), (names[1], "rollback work") })
            {
                await context.Connection().ExecuteAsync("begin transaction");
                await context.Connection().ExecuteAsync($"insert into note values (gen_random_uuid(), '{name}')");
                await context.Connection().ExecuteAsync(end);
            }

            return SessionApp.Done();
        });
        Assert.That((answer.Ok().Token is not null, await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{names[0]}', '{names[1]}')")), Is.EqualTo((true, names[0])));
        await Leftovers.AreNone(app);
    }

    private static async Task<IResult> Run(HttpContext context, string sql, bool raw)
    {
        if (raw)
        {
            // Dapper takes a single word for a procedure.
            await context.Connection().ExecuteAsync(sql, commandType: System.Data.CommandType.Text);
        }
        else
        {
            await context.Session().CreateSQLQuery(sql).ExecuteUpdateAsync();
        }

        return SessionApp.Done();
    }
}
