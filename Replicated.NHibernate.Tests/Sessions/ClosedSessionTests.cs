using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Sessions that the application closes although the scope does, and connections it closes although they were lent.</summary>
internal sealed class ClosedSessionTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task What_was_flushed_before_the_application_closed_the_session_is_committed([Values] bool byClose, [Values] bool another)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        (await _app.Post(context =>
        {
            var session = context.Session();
            session.Save(new Note { Name = names[0] });
            session.Flush();
            Close(session, byClose);
            if (another)
            {
                var second = context.Session();
                Assert.That((second.IsOpen, second.GetCurrentTransaction()?.IsActive), Is.EqualTo((true, true)));
                second.Save(new Note { Name = names[1] });
            }

            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(another ? 2 : 1));
        Assert.That(await Database.Ask<long>($"select count(distinct xmin::text) from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(1));
    }

    [Test]
    public async Task What_was_flushed_before_the_application_closed_the_session_is_rolled_back_with_the_request([Values] bool byClose)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(session =>
        {
            session.Save(new Note { Name = name });
            session.Flush();
            Close(session, byClose);
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
    }

    [TestCase("changed"), TestCase("line"), TestCase("label")]
    public async Task Changes_in_a_slaves_session_that_the_application_closed_are_an_error_too(string how)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Get(session =>
        {
            var invoice = session.Get<Invoice>(key);
            switch (how)
            {
                case "changed":
                    invoice.Name = "touched";
                    break;
                case "line":
                    // Refused while NHibernate finds out what has changed.
                    invoice.Lines.Add(new InvoiceLine { Invoice = invoice, Name = "a line" });
                    break;
                default:
                    invoice.Labels.Add("a label");
                    break;
            }

            session.Dispose();
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("closed with changes that were not flushed"));
    }

    [TestCase("saved"), TestCase("changed"), TestCase("deleted"), TestCase("collection")]
    public async Task Changes_that_were_not_flushed_when_the_application_closed_the_session_are_an_error(string how)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        var answer = await _app.Post(session =>
        {
            using (session)
            {
                switch (how)
                {
                    case "saved":
                        session.Save(new Note { Name = key.ToString() });
                        break;
                    case "changed":
                        session.Get<Invoice>(key).Name = "touched";
                        break;
                    case "deleted":
                        session.Delete(session.Get<Invoice>(key));
                        break;
                    default:
                        session.Get<Invoice>(key).Labels.Add("a label");
                        break;
                }
            }

            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("closed with changes that were not flushed"));
        Assert.That(await Database.Ask<bool>($"select name = '{key}' from invoice where id = '{key}'"), Is.True);
    }

    [Test]
    public async Task A_clean_session_may_be_closed_and_the_next_one_works([Values("GET", "POST")] string verb, [Values] bool byClose)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            var first = context.Session();
            var process = first.Backend();
            Close(first, byClose);
            return Task.FromResult(SessionApp.Done(context.Session().Backend() == process));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("True"));
    }

    [Test, Promise(11)]
    public async Task A_scope_whose_session_was_closed_can_be_committed_and_used_on()
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        await using (var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            using (var session = _app.Factories.Master.GetCurrentSession())
            {
                session.Save(new Note { Name = names[0] });
                session.Flush();
            }

            await scope.CommitAsync();
            _app.Factories.Master.GetCurrentSession().Save(new Note { Name = names[1] });
            await scope.CommitAsync();
        }

        Assert.That(await Database.Ask<long>($"select count(*) from note where name in ('{names[0]}', '{names[1]}')"), Is.EqualTo(2));
    }

    [Test]
    public async Task Throwing_away_a_session_after_an_own_rollback_loses_nothing()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            using (var first = context.Session())
            using (var own = first.BeginTransaction())
            {
                first.Save(new Note { Name = "thrown away" });
                own.Rollback();
            }

            using var second = context.Session();
            using var again = second.BeginTransaction();
            second.Save(new Note { Name = name });
            again.Commit();
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(1));
    }

    [Test, Promise(9)]
    public async Task No_session_is_left_open_and_no_connection_in_use()
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));
        foreach (var verb in new[] { HttpMethod.Get, HttpMethod.Post })
        {
            await app.Send(verb, "/run", context =>
            {
                context.Session().Backend();
                context.Session().Dispose();
                context.Session().Backend();
                context.Stateless().CreateSQLQuery("select 1").List();
                context.Connection().Execute("select 1");
                throw new InvalidOperationException("on purpose");
            });
        }

        var pool = app.Services.GetRequiredService<Replicated.NHibernate.Nodes.NodePool>();
        Assert.That(pool.Slaves.Append(pool.Master).Sum(n => n.InUse), Is.Zero);
        foreach (var factory in new[] { app.Factories.Master, app.Factories.Slave })
        {
            Assert.That(factory.Statistics.SessionOpenCount, Is.EqualTo(2));
            Assert.That(factory.Statistics.SessionCloseCount, Is.EqualTo(2));
        }
    }

    private static void Close(ISession session, bool byClose)
    {
        if (byClose)
        {
            session.Close();
        }
        else
        {
            session.Dispose();
        }
    }
}
