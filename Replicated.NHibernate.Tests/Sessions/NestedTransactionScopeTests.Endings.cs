using System.Transactions;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is left of one that was aborted or rolled back, and of the work beside it.</summary>
internal sealed partial class NestedTransactionScopeTests
{
    [Test]
    public async Task One_that_another_thread_aborts_as_a_timeout_does_leaves_nothing([ValueSource(nameof(Wheres))] string where, [Values] bool flushed, [Values] bool connection)
    {
        var name = Guid.NewGuid().ToString();
        var thrown = await Caught(() => Run(where, async services =>
        {
            using var scope = Begin();
            var transaction = Transaction.Current!.Clone();
            if (connection)
            {
                await Insert(services, name);
            }

            await services.Session().SaveAsync(new Note { Name = name });
            if (flushed)
            {
                await services.Session().FlushAsync();
            }

            await Task.Run(() => transaction.Rollback());
            scope.Complete();
        }));
        Assert.That(thrown, Is.InstanceOf<TransactionAbortedException>());
        Assert.That(await Count(name), Is.Zero);
        await Run(where, async services => await services.Session().SaveAsync(new Note { Name = name }));
        Assert.That(await Count(name), Is.EqualTo(1), "the connection is in order");
    }

    [Test]
    public async Task One_that_the_application_rolls_back_by_hand_leaves_nothing([ValueSource(nameof(Wheres))] string where, [Values] bool flushed)
    {
        var name = Guid.NewGuid().ToString();
        await Run(where, async services =>
        {
            using var scope = Begin();
            await services.Session().SaveAsync(new Note { Name = name });
            if (flushed)
            {
                await services.Session().FlushAsync();
            }

            Transaction.Current!.Rollback();
        });
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task A_session_opened_within_is_used_after_and_commits([ValueSource(nameof(Wheres))] string where, [Values] bool completed)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        await Run(where, async services =>
        {
            ISession session;
            using (var scope = Begin())
            {
                session = services.Session();
                Assert.That(await session.Query<Note>().CountAsync(names[0]), Is.Zero);
                if (completed)
                {
                    await session.SaveAsync(new Note { Name = names[0] });
                    scope.Complete();
                }
            }

            await session.SaveAsync(new Note { Name = names[1] });
        });
        Assert.That((await Count(names[0]), await Count(names[1])), Is.EqualTo((completed ? 1 : 0, 1)));
    }

    [Test]
    public async Task It_rolls_back_what_a_routed_connection_did_without_transactions_of_the_requests([Values] bool usedBefore, [Values] bool openedWithin)
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var name = Guid.NewGuid().ToString();
        (await app.Post(async context =>
        {
            if (usedBefore)
            {
                context.Session().Scalar("select 1");
            }

            if (!openedWithin)
            {
                await context.Connection().OpenAsync();
            }

            using (Begin())
            {
                if (openedWithin)
                {
                    await context.Connection().OpenAsync();
                }

                await Insert(context.RequestServices, name);
            }

            return SessionApp.Done();
        })).Ok();
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task Without_transactions_of_the_requests_a_write_in_it_is_tokened_if_it_is_completed([Values] bool completes, [Values] bool connection)
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var answer = await app.Post(async context =>
        {
            using var scope = Begin();
            if (connection)
            {
                await Insert(context.RequestServices, "tokened");
            }
            else
            {
                await context.Session().SaveAsync(new Note { Name = "tokened" });
                await context.Session().FlushAsync();
            }

            if (completes)
            {
                scope.Complete();
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Ok().Token?.Position, completes ? Is.Not.Null : Is.Null);
        Assert.That(answer.Token, completes ? Is.Not.Null : Is.Null);
    }
}
