using Microsoft.AspNetCore.Http;
using NHibernate;
using NHibernate.Linq;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What a slave's session is after it has refused something, and when it is refused.</summary>
[Promise(12)]
internal sealed class SlaveRefusalTests
{
    private static readonly Guid Key = Guid.NewGuid();
    private static readonly Guid Other = Guid.NewGuid();

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await SessionApp.StartAsync();
        await Database.Execute($"insert into invoice (id, name) values ('{Key}', 'an invoice'), ('{Other}', 'another'); insert into invoice_line values ('{Key}', '{Key}', 'a line'); insert into invoice_label values ('{Key}', 'a label')");
        await Database.Cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task After_a_refused_call_the_session_reads_on_and_the_request_succeeds(
        [Values("Save", "Persist", "Merge", "Delete", "Lock", "HQL", "native")] string how, [Values] bool async)
    {
        (await _app.Get(async context =>
        {
            var session = context.Session();
            var invoice = session.Get<Invoice>(Key);
            Assert.That(async () =>
            {
                if (async)
                {
                    await WriteAsync(session, invoice, how);
                }
                else
                {
                    Write(session, invoice, how);
                }
            }, Throws.InstanceOf<SlaveWriteException>());
            Assert.That((session.Contains(invoice), session.IsDirty(), invoice.Lines.Count, session.Get<Invoice>(Other).Name), Is.EqualTo((true, false, 1, "another")));
            Assert.That(session.GetSessionImplementation().PersistenceContext.EntityEntries, Has.Count.EqualTo(3));
            return SessionApp.Done();
        })).Ok();
    }

    // A collection that was changed stays so for NHibernate, whatever it holds then: setting it back is not enough.
    [TestCase("evict", "property"), TestCase("evict", "collection"), TestCase("evict", "both"), TestCase("refresh", "property"), TestCase("refresh", "collection"), TestCase("refresh", "both"),
     TestCase("set back", "property")]
    public async Task After_a_refused_flush_taking_the_change_back_is_enough(string how, string what)
    {
        (await _app.Get(session =>
        {
            var (invoice, other) = (session.Get<Invoice>(Key), session.Get<Invoice>(Other));
            Change(invoice, what);
            Assert.That(session.Flush, Throws.InstanceOf<SlaveWriteException>().With.Message.Contains($"Invoice#{Key}"));
            Assert.That(session.Flush, Throws.InstanceOf<SlaveWriteException>(), "as long as the change is there");
            switch (how)
            {
                case "evict":
                    session.Evict(invoice);
                    break;
                case "refresh":
                    session.Refresh(invoice);
                    break;
                default:
                    invoice.Name = "an invoice";
                    break;
            }

            session.Flush();
            return session.IsDirty() || other.Name != "another";
        })).Ok();
    }

    [Test]
    public async Task What_a_swallowed_refusal_left_changed_still_fails_the_request()
    {
        var answer = await _app.Get(session =>
        {
            session.Get<Invoice>(Key).Name = "touched";
            Assert.That(session.Flush, Throws.InstanceOf<SlaveWriteException>());
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
    }

    [Test]
    public async Task A_change_in_a_session_that_shares_the_connection_is_refused_at_the_commit_point()
    {
        var answer = await _app.Get(session => session.SessionWithOptions().Connection().OpenSession().Get<Invoice>(Key).Name = "touched");
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains($"Invoice#{Key}"));
    }

    [Test]
    public async Task A_call_that_is_refused_opens_no_connection([Values("Save", "Persist", "Merge", "Delete", "HQL", "HQL on several tables", "LINQ", "Load")] string how)
    {
        var chosen = _app.Log.Messages(1).Count();
        (await _app.Get(session =>
        {
            Assert.That(() => Write(session, new Invoice { Id = Key }, how), Throws.InstanceOf<SlaveWriteException>().With.Message.Contains("no node chosen yet"));
            return session.Statistics.EntityCount;
        })).Ok();
        Assert.That(_app.Log.Messages(1).Count(), Is.EqualTo(chosen), "no node was taken");
    }

    [Test]
    public async Task On_the_master_locks_and_statements_are_what_they_were([Values] bool async)
    {
        (await _app.Post(async context =>
        {
            var session = context.Session();
            var invoice = async ? await session.GetAsync<Invoice>(Key, LockMode.Upgrade) : session.Get<Invoice>(Key, LockMode.Upgrade);
            session.Lock(invoice, LockMode.Upgrade);
            session.Refresh(invoice, LockMode.Upgrade);
            Assert.That(session.Query<Invoice>().Where(i => i.Id == Key).WithLock(LockMode.Upgrade).ToList(), Has.Count.EqualTo(1));
            Assert.That(session.CreateQuery("update Invoice set Name = Name where Id = :id").SetGuid("id", Key).ExecuteUpdate(), Is.EqualTo(1));
            Assert.That(session.Scalar("select nextval('ticket_seq')"), Is.Not.Empty);
            return SessionApp.Done();
        })).Ok();
    }

    [Test]
    public async Task In_a_view_after_the_commit_row_locks_on_the_master_are_refused_with_the_remedy()
    {
        Exception? thrown = null;
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            session.Get<Invoice>(Other);
            return Task.FromResult<IResult>(new View(response =>
            {
                try
                {
                    session.Get<Invoice>(Key, LockMode.Upgrade);
                }
                catch (HibernateException e)
                {
                    thrown = e;
                }

                return response.WriteAsync(session.Get<Invoice>(Key).Name);
            }));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("<html>an invoice"), "reading goes on");
        Assert.That(thrown, Is.InstanceOf<WriteAfterCompletionException>().With.Message.Contains("SELECT FOR UPDATE"), "the connection is read-only by then");
    }

    private static void Change(Invoice invoice, string what)
    {
        if (what != "collection")
        {
            invoice.Name = "touched";
        }

        if (what != "property")
        {
            invoice.Labels.Add("touched");
        }
    }

    private static void Write(ISession session, Invoice invoice, string how)
    {
        switch (how)
        {
            case "Save":
                session.Save(new Invoice { Id = Guid.NewGuid() });
                break;
            case "Persist":
                session.Persist(new Invoice { Id = Guid.NewGuid() });
                break;
            case "Merge":
                session.Merge(WritePaths.Detached(Guid.NewGuid()));
                break;
            case "Delete":
                session.Delete(invoice);
                break;
            case "Lock":
                session.Lock(invoice, LockMode.Upgrade);
                break;
            case "Load":
                session.Get<Invoice>(Key, LockMode.Upgrade);
                break;
            case "HQL":
                session.CreateQuery("update Invoice set Name = 'touched'").ExecuteUpdate();
                break;
            case "HQL on several tables":
                session.CreateQuery("update Dog set Name = 'touched', Breed = 'touched'").ExecuteUpdate();
                break;
            case "LINQ":
                session.Query<Invoice>().Delete();
                break;
            default:
                session.CreateSQLQuery("update invoice set name = 'touched'").ExecuteUpdate();
                break;
        }
    }

    private static Task WriteAsync(ISession session, Invoice invoice, string how) => how switch
    {
        "Save" => session.SaveAsync(new Invoice { Id = Guid.NewGuid() }),
        "Persist" => session.PersistAsync(new Invoice { Id = Guid.NewGuid() }),
        "Merge" => session.MergeAsync(WritePaths.Detached(Guid.NewGuid())),
        "Delete" => session.DeleteAsync(invoice),
        "Lock" => session.LockAsync(invoice, LockMode.Upgrade),
        "HQL" => session.CreateQuery("update Invoice set Name = 'touched'").ExecuteUpdateAsync(),
        _ => session.CreateSQLQuery("update invoice set name = 'touched'").ExecuteUpdateAsync(),
    };
}
