using System.Transactions;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Sessions that share another's connection (SessionWithOptions().Connection()) and with it the transaction of the role.</summary>
internal sealed class SharingSessionTests
{
    private const int RolledBack = 5;
    private const int ChangedAfterCommit = 6;

    private SessionApp _app = null!;

    private IReplicatedSessions Sessions => _app.Services.GetRequiredService<IReplicatedSessions>();

    private ISession Current => _app.Factories.Master.GetCurrentSession();

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () =>
        Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task They_are_flushed_in_the_order_of_their_opening_after_the_session_and_commit_with_it([Values] bool fails)
    {
        var key = Guid.NewGuid();
        var order = new List<string>();
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            var first = session.SessionWithOptions().Connection().Interceptor(new Noting(order, "first")).OpenSession();
            var second = session.SessionWithOptions().Connection().Interceptor(new Noting(order, "second")).AutoClose().OpenSession();
            var stateless = session.StatelessSessionWithOptions().Connection().OpenStatelessSession();
            second.Save(new Note { Name = $"{key} second" });
            first.Save(new Note { Name = $"{key} first" });
            session.Save(new Note { Name = $"{key} session" });
            stateless.Insert(new Note { Name = $"{key} stateless" });
            return fails ? throw new InvalidOperationException("on purpose") : Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo(fails ? "on purpose" : null));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name like '{key}%'"), Is.EqualTo(fails ? 0 : 4));
        Assert.That(order, Is.EqualTo(fails ? Array.Empty<string>() : ["first", "second"]));
        if (!fails)
        {
            Assert.That(await Database.Ask<long>($"select count(distinct xmin::text) from note where name like '{key}%'"), Is.EqualTo(1));
        }
    }

    [Test, Promise(9)]
    public async Task They_end_with_the_session_whose_connection_they_share([Values("GET", "POST")] string verb, [Values] bool disposed)
    {
        var (sessions, stateless) = (new List<ISession>(), (IStatelessSession?)null);
        var statistics = (verb == "GET" ? _app.Factories.Slave : _app.Factories.Master).Statistics;
        var (opened, closed) = (statistics.SessionOpenCount, statistics.SessionCloseCount);
        (await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            sessions.Add(context.Session());
            sessions.Add(context.Session().SessionWithOptions().Connection().OpenSession());
            stateless = context.Session().StatelessSessionWithOptions().Connection().OpenStatelessSession();
            sessions[1].Backend();
            stateless.CreateSQLQuery("select 1").List();
            if (disposed)
            {
                sessions[1].Dispose();
                stateless.Dispose();
            }

            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(sessions.Select(s => s.IsOpen).Append(stateless!.IsOpen), Is.All.False);
        Assert.That((statistics.SessionOpenCount - opened, statistics.SessionCloseCount - closed), Is.EqualTo((2, 2)));
    }

    [Test]
    public async Task What_one_holds_is_never_lost_in_silence([Values("closed session", "uncommitted scope", "view")] string how)
    {
        var name = Guid.NewGuid().ToString();
        switch (how)
        {
            case "closed session":
                var answer = await _app.Post(context =>
                {
                    using var session = context.Session();
                    session.SessionWithOptions().Connection().OpenSession().Save(new Note { Name = name });
                    return Task.FromResult(SessionApp.Done());
                });
                Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("not flushed"));
                break;
            case "uncommitted scope":
                var before = _app.Log.Messages(RolledBack).Count();
                await using (Sessions.BeginScope())
                {
                    Current.SessionWithOptions().Connection().OpenSession().Save(new Note { Name = name });
                }

                Assert.That(_app.Log.Messages(RolledBack).Count(), Is.EqualTo(before + 1));
                break;
            default:
                var said = _app.Log.Messages(ChangedAfterCommit).Count();
                await _app.Post(context =>
                {
                    var sharing = context.Session().SessionWithOptions().Connection().OpenSession();
                    var invoice = new Note { Name = name };
                    sharing.Save(invoice);
                    return Task.FromResult<Microsoft.AspNetCore.Http.IResult>(new View(response =>
                    {
                        invoice.Name = "touched";
                        return Task.CompletedTask;
                    }));
                });
                Assert.That(_app.Log.Messages(ChangedAfterCommit).Count(), Is.EqualTo(said + 1));
                break;
        }

        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(how == "view" ? 1 : 0));
    }

    [Test]
    public async Task What_was_rolled_back_is_not_in_the_next_commit()
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        await using (var scope = Sessions.BeginScope())
        {
            var sharing = Current.SessionWithOptions().Connection().OpenSession();
            sharing.Save(new Note { Name = names[0] });
            await scope.RollbackAsync();
            sharing.Save(new Note { Name = names[1] });
            await scope.CommitAsync();
        }

        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(names[1]));
    }

    [Test]
    public async Task One_that_is_disposed_forgets_what_it_has_not_flushed_as_with_NHibernate_alone([Values] bool flushed)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        static void Write(ISession session, string name, bool flushed)
        {
            using var sharing = session.SessionWithOptions().Connection().OpenSession();
            sharing.Save(new Note { Name = name });
            if (flushed)
            {
                sharing.Flush();
            }
        }

        (await _app.Post(session =>
        {
            Write(session, names[0], flushed);
            return null;
        })).Ok();
        using (var factory = BehaviourFactory.OnMaster())
        using (var session = factory.OpenSession())
        using (var transaction = session.BeginTransaction())
        {
            Write(session, names[1], flushed);
            transaction.Commit();
        }

        foreach (var name in names)
        {
            Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(flushed ? 1 : 0));
        }
    }

    [Test]
    public async Task An_own_transaction_of_theirs_is_everybodys([Values] bool commit, [Values] bool bySharing)
    {
        var name = Guid.NewGuid().ToString();
        await using (Sessions.BeginScope())
        {
            var sharing = Current.SessionWithOptions().Connection().OpenSession();
            using var own = (bySharing ? sharing : Current).BeginTransaction();
            sharing.Save(new Note { Name = name });
            Current.Save(new Note { Name = name });
            if (commit)
            {
                await own.CommitAsync();
            }
            else
            {
                await own.RollbackAsync();
            }
        }

        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(commit ? 2 : 0));
    }

    [Test]
    public async Task They_join_a_TransactionScope_with_the_session([Values] bool completes, [Values] bool openedWithin, [Values] bool disposedWithin, [Values] bool stateless)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            IDisposable Open() => stateless ? session.StatelessSessionWithOptions().Connection().OpenStatelessSession() : session.SessionWithOptions().Connection().OpenSession();
            var sharing = openedWithin ? null : Open();
            using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                sharing ??= Open();
                session.Save(new Note { Name = name });
                if (sharing is IStatelessSession without)
                {
                    without.Insert(new Note { Name = name });
                }
                else
                {
                    ((ISession)sharing).Save(new Note { Name = name });
                }

                if (disposedWithin)
                {
                    sharing.Dispose();
                }

                if (completes)
                {
                    scope.Complete();
                }
            }

            return Task.FromResult(SessionApp.Done());
        });
        answer.Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(completes ? 2 : 0));
    }

    [Test, Promise(12)]
    public async Task On_a_slave_they_write_nothing_and_stay_on_the_one_slave([Values] bool transactionScope)
    {
        var answer = await _app.Get(context =>
        {
            using var scope = transactionScope ? new TransactionScope(TransactionScopeAsyncFlowOption.Enabled) : null;
            var session = context.Session();
            var sharing = session.SessionWithOptions().Connection().OpenSession();
            var stateless = session.StatelessSessionWithOptions().Connection().OpenStatelessSession();
            var processes = new[] { session.Backend(), sharing.Backend(), stateless.CreateSQLQuery("select pg_backend_pid()").UniqueResult<int>() };
            Assert.That(() => sharing.Save(new Note()), Throws.InstanceOf<SlaveWriteException>());
            Assert.That(() => stateless.Insert(new Note { Name = "never" }), Throws.InstanceOf<SlaveWriteException>());
            Assert.That(() => sharing.CreateQuery("delete from Note").ExecuteUpdate(), Throws.InstanceOf<SlaveWriteException>());
            scope?.Complete();
            return Task.FromResult(SessionApp.Done($"{processes.Distinct().Count()} {sharing.Scalar("select pg_is_in_recovery()")}"));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("1 True"));
    }

    private sealed class Noting(List<string> order, string name) : EmptyInterceptor
    {
        public override void PostFlush(System.Collections.ICollection entities) => order.Add(name);
    }
}
