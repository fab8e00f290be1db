using System.Data;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The request's transaction, and the application's own inside it.</summary>
internal sealed class TransactionTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_master_session_is_in_a_transaction_from_the_start_and_a_slave_session_is_not()
    {
        var post = await _app.Post(session => session.GetCurrentTransaction()?.IsActive);
        var get = await _app.Get(session => session.GetCurrentTransaction()?.IsActive);
        Assert.That((post.Ok().Body, get.Ok().Body), Is.EqualTo(("True", "")));
    }

    [Test]
    public async Task The_first_query_after_Save_flushes_it()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(session =>
        {
            session.Save(new Note { Name = name });
            return session.Query<Note>().Count(n => n.Name == name);
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("1"));
    }

    [Test]
    public async Task An_own_transaction_joins_the_requests_and_what_comes_after_its_commit_is_committed_too()
    {
        var names = Names(3);
        (await _app.Post(session =>
        {
            Add(session, names[0]);
            using (var own = session.BeginTransaction())
            {
                Add(session, names[1]);
                own.Commit();
                Assert.That((own.WasCommitted, own.IsActive), Is.EqualTo((true, false)));
            }

            Assert.That(session.GetCurrentTransaction()?.IsActive, Is.True);
            Add(session, names[2]);
            return null;
        })).Ok();

        // One transaction up to the application's commit, one for what came after it.
        Assert.That(await Database.Ask<long>(Count(names)), Is.EqualTo(3));
        Assert.That(await Database.Ask<bool>($"select count(distinct xmin::text) = 1 from note where name in ('{names[0]}', '{names[1]}')"), Is.True);
        Assert.That(await Database.Ask<bool>($"select count(distinct xmin::text) = 2 from note where name in ('{names[1]}', '{names[2]}')"), Is.True);
    }

    [Test]
    public async Task What_was_committed_by_the_application_stays_when_the_action_then_throws()
    {
        var names = Names(2);
        var answer = await _app.Post(session =>
        {
            Add(session, names[0]);
            session.GetCurrentTransaction().Commit();
            Add(session, names[1]);
            session.Flush();
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(names[0]));
    }

    [Test]
    public async Task After_an_own_rollback_nothing_is_flushed_again([Values] bool flushedBefore, [Values] bool byDispose)
    {
        var key = await Seed();
        var names = Names(1);
        (await _app.Post(session =>
        {
            var own = session.BeginTransaction();
            session.Get<Invoice>(key).Name = "rolled back";
            Add(session, names[0]);
            if (flushedBefore)
            {
                session.Flush();
            }

            if (byDispose)
            {
                own.Dispose();
            }
            else
            {
                own.Rollback();
            }

            Assert.That((own.WasRolledBack, own.IsActive, session.GetCurrentTransaction()), Is.EqualTo((true, false, (ITransaction?)null)));
            return null;
        })).Ok();
        Assert.That(await Database.Ask<bool>($"select name = '{key}' from invoice where id = '{key}'"), Is.True);
        Assert.That(await Database.Ask<long>(Count(names)), Is.Zero);
    }

    [Test]
    public async Task After_an_own_rollback_another_transaction_can_be_begun_and_committed()
    {
        var names = Names(2);
        (await _app.Post(session =>
        {
            using (var first = session.BeginTransaction())
            {
                Add(session, names[0]);
                session.Flush();
                first.Rollback();
            }

            session.Clear();
            using var second = session.BeginTransaction();
            Add(session, names[1]);
            second.Commit();
            return null;
        })).Ok();
        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(names[1]));
    }

    [Test]
    public async Task Committing_twice_throws()
    {
        var answer = await _app.Post(session =>
        {
            var own = session.BeginTransaction();
            own.Commit();
            own.Commit();
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<TransactionException>().With.Message.Contains("ended already"));
    }

    [Test]
    public async Task Rolling_back_after_a_commit_that_failed_does_not_hide_why_it_failed([Values] bool async)
    {
        var name = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{name}', 'there')");
        var answer = await _app.Post(async context =>
        {
            var session = context.Session();
            var own = session.BeginTransaction();
            try
            {
                session.Save(new Setting { Id = name, Name = "again" });
                if (async)
                {
                    await own.CommitAsync();
                }
                else
                {
                    own.Commit();
                }
            }
            catch
            {
                // As in every example of NHibernate's own.
                if (async)
                {
                    await own.RollbackAsync();
                }
                else
                {
                    own.Rollback();
                }

                throw;
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<global::NHibernate.Exceptions.GenericADOException>());
    }

    [Test]
    public async Task What_failed_in_an_own_commit_is_not_tried_again_at_the_end()
    {
        var (taken, other) = (Guid.NewGuid(), Guid.NewGuid().ToString());
        await Database.Execute($"insert into setting values ('{taken}', 'there')");
        (await _app.Post(context =>
        {
            var session = context.Session();
            using var own = session.BeginTransaction();
            Add(session, other);
            session.Save(new Setting { Id = taken, Name = "again" });
            Assert.That(own.Commit, Throws.InstanceOf<global::NHibernate.Exceptions.GenericADOException>());
            // Asking for another unit must not begin a transaction in which the first is flushed once more.
            context.Stateless().Get<Note>(Guid.NewGuid());
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Database.Ask<long>(Count([other])), Is.Zero);
    }

    [Test]
    public async Task An_isolation_level_is_honoured_before_the_first_statement()
    {
        var answer = await _app.Post(session =>
        {
            session.Save(new Note { Name = "not flushed yet" });
            session.BeginTransaction(IsolationLevel.RepeatableRead);
            return session.Scalar("show transaction_isolation");
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("repeatable read"));
    }

    [Test]
    public async Task Another_isolation_level_throws_after_the_first_statement_and_the_equal_one_passes()
    {
        var answer = await _app.Post(session =>
        {
            session.Scalar("select 1");
            session.BeginTransaction(IsolationLevel.ReadCommitted);
            session.BeginTransaction(IsolationLevel.Serializable);
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("Serializable")
            .And.Message.Contains("ReadCommitted").And.Message.Contains("TransactionPerRequest"));
    }

    [Test]
    public async Task A_level_asked_for_one_transaction_is_not_that_of_the_next()
    {
        var answer = await _app.Post(session =>
        {
            using (var own = session.BeginTransaction(IsolationLevel.Serializable))
            {
                session.Scalar("select 1");
                own.Commit();
            }

            return session.Scalar("show transaction_isolation");
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("read committed"));
    }

    [Test]
    public async Task The_isolation_level_of_the_configuration_is_the_requests()
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.Isolation, "RepeatableRead"));
        var answer = await app.Post(session =>
        {
            var first = session.Scalar("show transaction_isolation");
            session.GetCurrentTransaction().Commit();
            return (first, session.Scalar("show transaction_isolation"));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(repeatable read, repeatable read)"));
    }

    [Test]
    public async Task A_get_may_begin_and_commit_transactions_of_its_own()
    {
        var answer = await _app.Get(session =>
        {
            using var own = session.BeginTransaction(IsolationLevel.RepeatableRead);
            var level = session.Scalar("show transaction_isolation");
            own.Commit();
            return (level, session.Scalar("select pg_is_in_recovery()"), session.GetCurrentTransaction());
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(repeatable read, True, )"));
    }

    [Test, Promise(9)]
    public async Task A_commit_that_the_database_refuses_is_an_error_and_nothing_is_there()
    {
        var id = Guid.NewGuid();
        var answer = await _app.Post(session => session.CreateSQLQuery($"insert into late values ('{id}', '{Guid.NewGuid()}')").ExecuteUpdate());
        Assert.That(answer.Thrown, Is.InstanceOf<Npgsql.PostgresException>().With.Property("SqlState").EqualTo("23503"));
        Assert.That(await Database.Ask<bool>($"select exists (select 1 from late where id = '{id}')"), Is.False);
        Assert.That(_app.Log.Messages(10), Is.Empty, "the database has rolled back already");
    }

    private static string[] Names(int count) => [.. Enumerable.Range(0, count).Select(_ => Guid.NewGuid().ToString())];

    private static void Add(ISession session, string name) => session.Save(new Note { Name = name });

    private static string Count(string[] names) => $"select count(*) from note where name in ({string.Join(',', names.Select(n => $"'{n}'"))})";

    private static async Task<Guid> Seed()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        return key;
    }
}
