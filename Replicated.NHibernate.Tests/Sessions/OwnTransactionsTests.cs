using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>TransactionPerRequest=false: NHibernate as it is, but for the route.</summary>
internal sealed class OwnTransactionsTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task There_is_no_transaction_until_the_application_begins_one()
    {
        var answer = await _app.Post(session => (session.GetCurrentTransaction(), session.Scalar("select pg_is_in_recovery()")));
        Assert.That(answer.Ok().Body, Is.EqualTo("(, False)"));
    }

    [Test]
    public async Task A_flush_writes_at_once_and_stays_although_the_action_throws()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(session =>
        {
            session.Save(new Note { Name = name });
            session.Flush();
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task What_nobody_flushed_is_not_written()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(session => session.Save(new Note { Name = name }))).Ok();
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task Own_transactions_commit_and_roll_back([Values] bool commit, [Values] bool async)
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(async context =>
        {
            using var own = context.Session().BeginTransaction();
            context.Session().Save(new Note { Name = name });
            await context.Session().FlushAsync();
            switch (commit, async)
            {
                case (true, true):
                    await own.CommitAsync();
                    break;
                case (true, false):
                    own.Commit();
                    break;
                case (false, true):
                    await own.RollbackAsync();
                    break;
                default:
                    own.Rollback();
                    break;
            }

            Assert.That((own.WasCommitted, own.WasRolledBack), Is.EqualTo((commit, !commit)));
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(commit ? 1 : 0));
    }

    [Test]
    public async Task A_transaction_that_nobody_committed_is_rolled_back()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(session =>
        {
            session.BeginTransaction();
            session.Save(new Note { Name = name });
            session.Flush();
            return null;
        })).Ok();
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task Closing_a_session_rolls_its_transaction_back_before_the_next_one_works()
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        (await _app.Post(context =>
        {
            using (var first = context.Session())
            {
                first.BeginTransaction();
                first.Save(new Note { Name = names[0] });
                first.Flush();
            }

            using var second = context.Session();
            using var own = second.BeginTransaction();
            second.Save(new Note { Name = names[1] });
            own.Commit();
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That((await Count(names[0]), await Count(names[1])), Is.EqualTo((0L, 1L)));
    }

    [Test]
    public async Task Throwing_a_session_away_with_its_changes_is_the_applications_affair()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            using (var first = context.Session())
            {
                first.Save(new Note { Name = "thrown away" });
            }

            using var own = context.Session().BeginTransaction();
            context.Session().Save(new Note { Name = name });
            own.Commit();
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_stateless_session_works_beside_the_stateful_one()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            context.Stateless().Insert(new Note { Name = name });
            using var own = context.Stateless().BeginTransaction();
            context.Stateless().Insert(new Note { Name = name });
            context.Session().Save(new Note { Name = name });
            // One connection and one transaction, whoever ends it: the stateful session is flushed too.
            own.Commit();
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(3));
    }

    [Test]
    public async Task A_batch_that_waits_in_a_stateless_session_is_written_at_the_end_as_NHibernate_does()
    {
        var name = Guid.NewGuid().ToString();
        await using var app = await SessionApp.StartAsync(
            new() { ["Replicated:TransactionPerRequest"] = "false" },
            () => Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "20"));
        (await app.Post(context =>
        {
            context.Stateless().Insert(new Note { Name = name });
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        await app.DisposeAsync();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test, Promise(6)]
    public async Task Autocommitted_statements_stay_on_one_node([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var processes = new HashSet<int>();
            for (var i = 0; i < 5; i++)
            {
                processes.Add(context.Session().Backend());
                processes.Add(await context.Session().CreateSQLQuery("select pg_backend_pid()").UniqueResultAsync<int>());
            }

            return SessionApp.Done(processes.Count);
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("1"));
    }

    [Test, Promise(12)]
    public async Task A_slave_session_with_changes_throws_all_the_same()
    {
        var answer = await _app.Get(session => session.Save(new Note { Name = "nowhere" }));
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
    }

    [Test]
    public async Task A_swallowed_error_fails_the_applications_own_commit()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(session =>
        {
            using var own = session.BeginTransaction();
            session.Save(new Note { Name = name });
            session.Flush();
            Assert.That(() => session.CreateSQLQuery("select 1 / 0").List(), Throws.Exception);
            own.Commit();
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("rolled back instead of committed"));
        Assert.That(await Count(name), Is.Zero);
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
