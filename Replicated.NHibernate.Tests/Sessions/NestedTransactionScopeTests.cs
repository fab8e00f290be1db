using System.Transactions;
using Dapper;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Levels, nesting and endings of TransactionScopes on the master, in a request and in a scope begun by BeginScope.</summary>
internal sealed class NestedTransactionScopeTests
{
    private SessionApp _app = null!;

    private static readonly string[] Wheres = ["request", "scope"];

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task It_has_the_level_that_the_scope_asks_for([ValueSource(nameof(Wheres))] string where, [Values(null, IsolationLevel.ReadCommitted, IsolationLevel.RepeatableRead)] IsolationLevel? level, [Values] bool async)
    {
        var name = Guid.NewGuid().ToString();
        string? told = null;
        await Run(where, async services =>
        {
            using var scope = level is { } asked ? Begin(asked) : new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
            var session = services.Session();
            if (async)
            {
                await session.SaveAsync(new Note { Name = name });
                told = await session.CreateSQLQuery("show transaction_isolation").UniqueResultAsync<string>();
            }
            else
            {
                session.Save(new Note { Name = name });
                told = session.Scalar("show transaction_isolation");
            }

            scope.Complete();
        });
        Assert.That(told, Is.EqualTo(level switch { null => "serializable", IsolationLevel.ReadCommitted => "read committed", _ => "repeatable read" }));
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task An_exception_leaves_nothing_of_it([ValueSource(nameof(Wheres))] string where, [Values] bool flushed, [Values] bool swallowed)
    {
        var name = Guid.NewGuid().ToString();
        var thrown = await Caught(() => Run(where, async services =>
        {
            var session = services.Session();
            try
            {
                using var scope = Begin();
                await session.SaveAsync(new Note { Name = name });
                if (flushed)
                {
                    await session.FlushAsync();
                }

                throw new InvalidTimeZoneException("on purpose");
            }
            catch (InvalidTimeZoneException) when (swallowed)
            {
            }
        }));
        Assert.That(thrown?.Message, Is.EqualTo(swallowed ? null : "on purpose"));
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task A_session_that_joined_stays_with_it_in_an_inner_scope(
        [ValueSource(nameof(Wheres))] string where, [Values] TransactionScopeOption option, [Values] bool outerCompletes, [Values] bool innerCompletes)
    {
        var (outer, inner) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var thrown = await Caught(() => Run(where, async services =>
        {
            var session = services.Session();
            using var one = Begin();
            await session.SaveAsync(new Note { Name = outer });
            await session.FlushAsync();
            using (var two = Begin(option: option))
            {
                await session.SaveAsync(new Note { Name = inner });
                await session.FlushAsync();
                if (innerCompletes)
                {
                    two.Complete();
                }
            }

            if (outerCompletes)
            {
                one.Complete();
            }
        }));
        var aborted = option == TransactionScopeOption.Required && !innerCompletes;
        Assert.That(thrown, aborted && outerCompletes ? Is.InstanceOf<TransactionAbortedException>() : Is.Null);
        var stays = outerCompletes && !aborted ? 1 : 0;
        Assert.That((await Count(outer), await Count(inner)), Is.EqualTo((stays, stays)));
    }

    [Test]
    public async Task A_routed_connection_that_joined_stays_with_it_in_an_inner_scope(
        [ValueSource(nameof(Wheres))] string where, [Values] TransactionScopeOption option, [Values] bool outerCompletes)
    {
        var (outer, inner) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        await Run(where, async services =>
        {
            using var one = Begin();
            await Insert(services, outer);
            using (var two = Begin(option: option))
            {
                await Insert(services, inner);
                two.Complete();
            }

            await Insert(services, inner);
            if (outerCompletes)
            {
                one.Complete();
            }
        });
        Assert.That((await Count(outer), await Count(inner)), Is.EqualTo(outerCompletes ? (1, 2) : (0, 0)));
    }

    [Test]
    public async Task One_that_joined_within_an_inner_scope_goes_on_in_the_outer([ValueSource(nameof(Wheres))] string where, [Values] bool connection, [Values] bool completes)
    {
        var name = Guid.NewGuid().ToString();
        Task Write(IServiceProvider services) => connection ? Insert(services, name) : services.Session().SaveAsync(new Note { Name = name });
        await Run(where, async services =>
        {
            using var one = Begin();
            using (var two = Begin())
            {
                await Write(services);
                two.Complete();
            }

            await Write(services);
            if (completes)
            {
                one.Complete();
            }
        });
        Assert.That(await Count(name), Is.EqualTo(completes ? 2 : 0));
    }

    [Test]
    public async Task Work_in_a_scope_of_its_own_is_independent_of_the_outer(
        [ValueSource(nameof(Wheres))] string where, [Values(TransactionScopeOption.RequiresNew, TransactionScopeOption.Suppress)] TransactionScopeOption option, [Values] bool outerCompletes)
    {
        var (outer, inner) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        await Run(where, async services =>
        {
            using var one = Begin();
            await services.Session().SaveAsync(new Note { Name = outer });
            using (var two = Begin(option: option))
            {
                await using (var scope = services.GetRequiredService<IReplicatedSessions>().BeginScope())
                {
                    await services.Session().SaveAsync(new Note { Name = inner });
                    await scope.CommitAsync();
                }

                two.Complete();
            }

            if (outerCompletes)
            {
                one.Complete();
            }
        });
        Assert.That((await Count(outer), await Count(inner)), Is.EqualTo((outerCompletes ? 1 : 0, 1)));
    }

    [Test]
    public async Task What_ran_suppressed_is_the_requests_transaction([ValueSource(nameof(Wheres))] string where, [Values] bool fails)
    {
        var name = Guid.NewGuid().ToString();
        await Caught(() => Run(where, async services =>
        {
            using (Begin())
            {
                using var suppressed = Begin(option: TransactionScopeOption.Suppress);
                await services.Session().SaveAsync(new Note { Name = name });
                await services.Session().FlushAsync();
                suppressed.Complete();
            }

            if (fails)
            {
                throw new InvalidTimeZoneException("on purpose");
            }
        }));
        Assert.That(await Count(name), Is.EqualTo(fails ? 0 : 1));
    }

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
    public async Task Without_transactions_of_the_requests_a_write_in_it_is_marked_if_it_is_completed([Values] bool completes, [Values] bool connection)
    {
        await using var app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var answer = await app.Post(async context =>
        {
            using var scope = Begin();
            if (connection)
            {
                await Insert(context.RequestServices, "marked");
            }
            else
            {
                await context.Session().SaveAsync(new Note { Name = "marked" });
                await context.Session().FlushAsync();
            }

            if (completes)
            {
                scope.Complete();
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Ok().Mark?.Position, completes ? Is.Not.Null : Is.Null);
        Assert.That(answer.Mark, completes ? Is.Not.Null : Is.Null);
    }

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

    private static TransactionScope Begin(IsolationLevel level = IsolationLevel.ReadCommitted, TransactionScopeOption option = TransactionScopeOption.Required) =>
        new(option, new TransactionOptions { IsolationLevel = level }, TransactionScopeAsyncFlowOption.Enabled);

    private static Task Insert(IServiceProvider services, string name) =>
        services.GetRequiredService<System.Data.Common.DbConnection>().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");

    private static async Task<Exception?> Caught(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task Run(string where, Func<IServiceProvider, Task> work)
    {
        if (where == "request")
        {
            var answer = await _app.Post(async context =>
            {
                await work(context.RequestServices);
                return SessionApp.Done();
            });
            if (answer.Thrown is { } thrown)
            {
                throw thrown;
            }
        }
        else
        {
            await using var container = _app.Services.CreateAsyncScope();
            await using var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope();
            await work(container.ServiceProvider);
            await scope.CommitAsync();
        }
    }
}
