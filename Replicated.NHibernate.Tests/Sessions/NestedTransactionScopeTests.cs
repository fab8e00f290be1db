using System.Transactions;
using Dapper;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Levels, nesting and endings of TransactionScopes on the master, in a request and in a scope begun by BeginScope.</summary>
internal sealed partial class NestedTransactionScopeTests
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
