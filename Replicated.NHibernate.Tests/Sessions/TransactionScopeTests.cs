using System.Transactions;
using Dapper;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A TransactionScope inside a request goes before the request's transaction as long as no command has run.</summary>
internal sealed class TransactionScopeTests
{
    private static readonly TransactionOptions ReadCommitted = new() { IsolationLevel = IsolationLevel.ReadCommitted };

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_session_joins_it_and_what_it_completes_stays_although_the_action_throws()
    {
        var names = Names();
        var answer = await _app.Post(async context =>
        {
            var session = context.Session();
            using (var scope = Begin())
            {
                await session.SaveAsync(new Note { Name = names[0] });
                Assert.That(await session.Query<Note>().CountAsync(names[0]), Is.EqualTo(1), "flushed before the query");
                await session.SaveAsync(new Note { Name = names[1] });
                scope.Complete();
            }

            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Count(names), Is.EqualTo(2));
    }

    [Test]
    public async Task A_scope_that_was_not_completed_leaves_nothing_and_nothing_is_flushed_again([Values] bool flushed)
    {
        var names = Names();
        (await _app.Post(session =>
        {
            using (Begin())
            {
                session.Save(new Note { Name = names[0] });
                if (flushed)
                {
                    session.Flush();
                }
            }

            return null;
        })).Ok();
        Assert.That(await Count(names), Is.Zero);
    }

    [Test]
    public async Task Afterwards_the_session_works_in_the_requests_transaction([Values] bool fails, [Values] bool query)
    {
        var names = Names();
        await _app.Post(async context =>
        {
            var session = context.Session();
            using (var scope = Begin())
            {
                await session.SaveAsync(new Note { Name = names[0] });
                scope.Complete();
            }

            Assert.That(session.GetCurrentTransaction()?.IsActive, Is.True);
            session.Save(new Note { Name = names[1] });
            if (query)
            {
                Assert.That(await session.Query<Note>().CountAsync(names[1]), Is.EqualTo(1), "flushed before the query");
            }
            else
            {
                session.Flush();
            }

            return fails ? throw new InvalidOperationException("on purpose") : SessionApp.Done();
        });
        Assert.That(await Count(names), Is.EqualTo(fails ? 1 : 2));
    }

    [Test]
    public async Task A_second_scope_works_after_the_first()
    {
        var names = Names();
        (await _app.Post(session =>
        {
            foreach (var name in names)
            {
                using var scope = Begin();
                session.Save(new Note { Name = name });
                scope.Complete();
            }

            return null;
        })).Ok();
        Assert.That(await Count(names), Is.EqualTo(2));
    }

    [Test]
    public async Task After_the_first_command_it_is_a_clear_error()
    {
        var answer = await _app.Post(session =>
        {
            session.Scalar("select 1");
            using var scope = Begin();
            session.Scalar("select 1");
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("Cannot enlist in a system transaction while an explicit transaction"));
    }

    [Test]
    public async Task A_routed_connection_and_a_stateless_session_join_it_too()
    {
        var names = Names();
        var answer = await _app.Post(async context =>
        {
            await context.Connection().OpenAsync();
            using (var scope = Begin())
            {
                await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name = names[0] });
                context.Stateless().Insert(new Note { Name = names[1] });
                scope.Complete();
            }

            await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name = names[0] });
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"), answer.Thrown?.ToString());
        Assert.That(await Count(names), Is.EqualTo(2), "completed with the scope; what came after it was rolled back with the request");
    }

    [Test, Promise(6)]
    public async Task A_slave_session_stays_out_of_it()
    {
        var answer = await _app.Get(session =>
        {
            using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
            var place = session.Scalar("select pg_is_in_recovery()");
            scope.Complete();
            return place;
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("True"));
    }

    private static TransactionScope Begin() => new(TransactionScopeOption.Required, ReadCommitted, TransactionScopeAsyncFlowOption.Enabled);

    private static string[] Names() => [Guid.NewGuid().ToString(), Guid.NewGuid().ToString()];

    private static Task<long> Count(string[] names) => Database.Ask<long>($"select count(*) from note where name in ('{names[0]}', '{names[1]}')");
}

internal static class NoteQueries
{
    public static Task<int> CountAsync(this IQueryable<Note> notes, string name) => global::NHibernate.Linq.LinqExtensionMethods.CountAsync(notes, n => n.Name == name);
}
