using System.Transactions;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A statement that failed in it, and whose error was swallowed.</summary>
internal sealed partial class NestedTransactionScopeTests
{
    [Test]
    public async Task One_in_which_a_statement_failed_is_not_reported_as_committed([ValueSource(nameof(Wheres))] string where, [Values] bool writes)
    {
        var name = Guid.NewGuid().ToString();
        var completed = false;
        var thrown = await Caught(() => Run(where, async services =>
        {
            var session = services.Session();
            using var scope = Begin();
            if (writes)
            {
                await session.SaveAsync(new Note { Name = name });
                await session.FlushAsync();
            }

            Assert.That(() => session.CreateSQLQuery("select 1 / 0").List(), Throws.Exception);
            scope.Complete();
            completed = true;
        }));
        Assert.That((completed, await Count(name)), Is.EqualTo((true, 0L)));
        Assert.That(thrown, Is.InstanceOf<TransactionAbortedException>().With.InnerException.Message.Contains("because a statement in it failed"));
    }

    [Test]
    public async Task A_statement_that_failed_in_it_fails_nothing_after_it([ValueSource(nameof(Wheres))] string where)
    {
        var name = Guid.NewGuid().ToString();
        await Run(where, async services =>
        {
            var session = services.Session();
            using (Begin())
            {
                Assert.That(() => session.CreateSQLQuery("select 1 / 0").List(), Throws.Exception);
            }

            await session.SaveAsync(new Note { Name = name });
        });
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_statement_that_failed_in_it_fails_no_transaction_of_the_applications_own_after_it()
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var name = Guid.NewGuid().ToString();
        (await app.Post(session =>
        {
            using (Begin())
            {
                Assert.That(() => session.CreateSQLQuery("select 1 / 0").List(), Throws.Exception);
            }

            using var own = session.BeginTransaction();
            session.Save(new Note { Name = name });
            own.Commit();
            return null;
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }
}
