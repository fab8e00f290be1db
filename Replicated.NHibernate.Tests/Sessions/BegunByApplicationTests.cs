using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the application began, the application ends, as with plain NHibernate: a unit of work of its own behaves as before.</summary>
[Promise(9)]
internal sealed class BegunByApplicationTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_transaction_that_was_begun_and_never_committed_is_not_committed([Values] bool disposed, [Values] bool flushed)
    {
        var name = Guid.NewGuid().ToString();
        var warnings = _app.Log.Messages(17).Count();
        var answer = await _app.Post(session =>
        {
            var own = session.BeginTransaction();
            session.Save(new Note { Name = name });
            if (flushed)
            {
                session.Flush();
            }

            if (disposed)
            {
                own.Dispose();
            }

            return null;
        });
        answer.Ok();
        Assert.That(await Count(name), Is.Zero);
        Assert.That(_app.Log.Messages(17).Count() - warnings, Is.EqualTo(disposed ? 0 : 1));
        Assert.That(answer.Token, Is.Null, "nothing was written");
        Assert.That(_app.Services.GetRequiredService<Replicated.NHibernate.Nodes.NodePool>().Master.InUse, Is.Zero);
    }

    [Test]
    public async Task What_it_committed_is_there_and_what_came_after_is_committed_with_the_request()
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        (await _app.Post(session =>
        {
            using (var own = session.BeginTransaction())
            {
                session.Save(new Note { Name = names[0] });
                own.Commit();
            }

            session.Save(new Note { Name = names[1] });
            return null;
        })).Ok();
        Assert.That((await Count(names[0]), await Count(names[1])), Is.EqualTo((1L, 1L)));
    }

    [TestCase("in the view", 1), TestCase("before the view", 0), TestCase("a scope of its own in the view", 0)]
    public async Task Token_of_a_commit_that_comes_after_the_first_byte_is_counted_as_lost_and_warned_of(string when, int lost)
    {
        using var counters = new Failover.Counters(_app.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>());
        _app.Log.Entries.Clear();
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            var own = session.BeginTransaction();
            if (when == "before the view")
            {
                session.Save(new Note { Name = "early" });
                own.Commit();
            }

            return Task.FromResult<IResult>(new View(async response =>
            {
                if (when == "in the view")
                {
                    session.Save(new Note { Name = "late" });
                    own.Commit();
                }

                if (when == "a scope of its own in the view")
                {
                    await using var scope = context.RequestServices.GetRequiredService<IReplicatedSessions>().BeginScope();
                    context.Session().Save(new Note { Name = "beside" });
                    await scope.CommitAsync();
                }

                await response.WriteAsync("done");
            }));
        });
        Assert.That((answer.Ok().Token is not null, counters.Of("replicated.tokens.lost"), _app.Log.Messages(19).Count()), Is.EqualTo((when == "before the view", (long)lost, lost)));
    }

    [Test]
    public async Task One_that_is_used_and_committed_only_in_the_view_works_as_with_plain_NHibernate()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            var session = context.Session();
            var own = session.BeginTransaction();
            return Task.FromResult<IResult>(new View(async response =>
            {
                session.Save(new Note { Name = name });
                own.Commit();
                await response.WriteAsync("done");
            }));
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
