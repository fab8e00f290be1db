using Microsoft.AspNetCore.Http;
using NHibernate;
using NHibernate.Linq;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A slave session that changes nothing never throws, whatever it is asked to read and to check.</summary>
[Promise(12)]
internal sealed class SlaveReadTests
{
    private static readonly Guid Key = Guid.NewGuid();

    private static readonly (string Name, Action<ISession> Read, Func<ISession, Task>? ReadAsync)[] Reads =
    [
        ("A_graph_with_cascades", s => Graph(s.Get<Invoice>(Key)), async s => Graph(await s.GetAsync<Invoice>(Key))),
        ("A_proxy", s => Assert.That(s.Load<Invoice>(Key).Name, Is.EqualTo("an invoice")), async s => Assert.That((await s.LoadAsync<Invoice>(Key)).Name, Is.EqualTo("an invoice"))),
        ("A_proxy_that_stays_one", s => s.Load<Invoice>(Key), s => s.LoadAsync<Invoice>(Key)),
        ("Update_of_what_is_unchanged", s => s.Update(s.Get<Invoice>(Key)), async s => await s.UpdateAsync(await s.GetAsync<Invoice>(Key))),
        ("Update_of_a_proxy", s => s.Update(s.Load<Invoice>(Key)), async s => await s.UpdateAsync(await s.LoadAsync<Invoice>(Key))),
        ("SaveOrUpdate_of_what_is_unchanged", s => s.SaveOrUpdate(s.Get<Invoice>(Key)), async s => await s.SaveOrUpdateAsync(await s.GetAsync<Invoice>(Key))),
        ("Persist_of_what_is_unchanged", s => s.Persist(s.Get<Invoice>(Key)), async s => await s.PersistAsync(await s.GetAsync<Invoice>(Key))),
        ("Merge_of_what_is_unchanged", s => s.Merge(s.Get<Invoice>(Key)), async s => await s.MergeAsync(await s.GetAsync<Invoice>(Key))),
        ("Flush", s => FlushOf(s.Get<Invoice>(Key), s), async s => await FlushOf(await s.GetAsync<Invoice>(Key), s, default)),
        ("IsDirty", s => Assert.That(s.Get<Invoice>(Key) is not null && s.IsDirty(), Is.False), async s => Assert.That(await s.GetAsync<Invoice>(Key) is not null && await s.IsDirtyAsync(), Is.False)),
        ("A_property_set_to_the_value_it_has", s => s.Get<Invoice>(Key).Name = "an invoice", async s => (await s.GetAsync<Invoice>(Key)).Name = "an invoice"),
        ("Refresh_and_evict", Refreshed, s => Task.Run(() => Refreshed(s))),
        ("Lock_of_a_detached_entity", s => s.Lock(new Setting { Id = Key }, LockMode.None), s => s.LockAsync(new Setting { Id = Key }, LockMode.None)),
        ("Clear_after_a_change", ClearedChange, s => Task.Run(() => ClearedChange(s))),
        ("Linq_and_futures", s => Assert.That(s.Query<Invoice>().Where(i => i.Id == Key).ToFuture().GetEnumerable().Concat(s.Query<Invoice>().Where(i => i.Id == Key).ToFuture().GetEnumerable()).Count(), Is.EqualTo(2)),
            async s => Assert.That((await s.Query<Invoice>().Where(i => i.Id == Key).ToFuture().GetEnumerableAsync()).Count(), Is.EqualTo(1))),
        ("Hql_and_criteria", s => Assert.That(s.CreateQuery("from Invoice i left join fetch i.Lines where i.Id = :id").SetGuid("id", Key).List<Invoice>().Concat(s.QueryOver<Invoice>().Where(i => i.Id == Key).List()).Distinct().Count(), Is.EqualTo(1)),
            async s => Assert.That(await s.CreateQuery("from Invoice i left join fetch i.Lines where i.Id = :id").SetGuid("id", Key).UniqueResultAsync<Invoice>(), Is.Not.Null)),
        ("Native_query", s => s.Scalar("with t as (select ';insert' as \"update\") select * from t -- ; delete"), async s => await s.CreateSQLQuery("select 'update; delete'; ").UniqueResultAsync()),
        ("Native_queries_of_one_text", s => Assert.That(s.CreateSQLQuery("select 1; select $$ ; update x $$; select 2").List().Count, Is.EqualTo(1)), async s => await s.CreateSQLQuery("select 1; select 2").ListAsync()),
        ("Filtered_collection", s => Assert.That(s.CreateFilter(s.Get<Invoice>(Key).Lines, "where this.Name = 'a line'").List().Count, Is.EqualTo(1)),
            async s => await s.CreateFilter((await s.GetAsync<Invoice>(Key)).Lines, "where this.Name = 'a line'").ListAsync()),
    ];

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await SessionApp.StartAsync();
        await Database.Execute(
            $"""
            insert into invoice (id, name) values ('{Key}', 'an invoice');
            insert into invoice_line values ('{Key}', '{Key}', 'a line');
            insert into invoice_label values ('{Key}', 'a label');
            """);
        await Database.Cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    public static IEnumerable<TestCaseData> Cases =>
        from read in Reads
        from async in WritePaths.SyncAndAsync
        from transaction in WritePaths.SyncAndAsync
        select new TestCaseData(read.Name, async, transaction).SetArgDisplayNames(read.Name, async ? "async" : "sync", transaction ? "in a transaction of its own" : "without a transaction");

    [TestCaseSource(nameof(Cases))]
    public async Task It_reads(string name, bool async, bool transaction)
    {
        var read = Array.Find(Reads, r => r.Name == name);
        (await _app.Get(async context =>
        {
            var session = context.Session();
            using var own = transaction ? session.BeginTransaction() : null;
            if (async)
            {
                await read.ReadAsync!(session);
            }
            else
            {
                read.Read(session);
            }

            if (own is not null && async)
            {
                await own.CommitAsync();
            }
            else
            {
                own?.Commit();
            }

            return SessionApp.Done();
        })).Ok();
    }

    [Test]
    public async Task A_stateless_session_reads()
    {
        var answer = await _app.Get(context => Task.FromResult(SessionApp.Done(context.Stateless().Get<Invoice>(Key).Name)));
        Assert.That(answer.Ok().Body, Is.EqualTo("an invoice"));
    }

    [Test]
    public async Task With_FlushMode_Manual_changes_are_the_applications_affair()
    {
        (await _app.Get(session =>
        {
            session.FlushMode = FlushMode.Manual;
            return session.Get<Invoice>(Key).Name = "for display";
        })).Ok();
        Assert.That(await Database.Ask<string>($"select name from invoice where id = '{Key}'"), Is.EqualTo("an invoice"));
    }

    [Test]
    public async Task With_FlushMode_Manual_an_explicit_flush_still_throws()
    {
        var answer = await _app.Get(session =>
        {
            session.FlushMode = FlushMode.Manual;
            session.Get<Invoice>(Key).Name = "touched";
            session.Flush();
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
    }

    [Test]
    public async Task Read_only_entities_may_be_changed_for_display()
    {
        (await _app.Get(session =>
        {
            session.DefaultReadOnly = true;
            return session.Get<Invoice>(Key).Name = "for display";
        })).Ok();
    }

    [Test]
    public async Task A_change_that_an_own_transaction_rolled_back_is_left_alone()
    {
        (await _app.Get(session =>
        {
            using var own = session.BeginTransaction();
            session.Get<Invoice>(Key).Name = "for display";
            own.Rollback();
            return null;
        })).Ok();
    }

    [Test]
    public async Task A_change_after_reading_in_a_transaction_that_nobody_committed_is_not_forgotten([Values("GET", "POST")] string verb)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            Invoice invoice;
            using (context.Session().BeginTransaction())
            {
                invoice = context.Session().Get<Invoice>(key);
            }

            invoice.Name = "touched";
            return Task.FromResult(SessionApp.Done());
        });
        if (verb == "GET")
        {
            Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
        }
        else
        {
            answer.Ok();
            Assert.That(await Database.Ask<string>($"select name from invoice where id = '{key}'"), Is.EqualTo("touched"));
        }
    }

    [Test, Promise(6)]
    public async Task After_the_commit_point_the_view_reads_lazily_on_the_same_node([Values("GET", "POST")] string verb)
    {
        for (var i = 0; i < 5; i++)
        {
            var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
            {
                var session = context.Session();
                var invoice = session.Get<Invoice>(Key);
                var port = session.Scalar("show port");
                return Task.FromResult<IResult>(new View(async response =>
                {
                    Assert.That(NHibernateUtil.IsInitialized(invoice.Lines), Is.False);
                    await response.WriteAsync($"{invoice.Lines.Count},{session.Load<Invoice>(Key).Name},{session.Scalar("show port") == port}");
                }));
            });
            Assert.That(answer.Ok().Body, Is.EqualTo("<html>1,an invoice,True"));
        }
    }

    private static void Graph(Invoice invoice)
    {
        Assert.That((invoice.Lines.Count, invoice.Lines[0].Invoice.Name, invoice.Labels.Count), Is.EqualTo((1, "an invoice", 1)));
    }

    private static void FlushOf(Invoice invoice, ISession session)
    {
        Graph(invoice);
        session.Flush();
    }

    private static Task FlushOf(Invoice invoice, ISession session, CancellationToken cancellationToken)
    {
        Graph(invoice);
        return session.FlushAsync(cancellationToken);
    }

    private static void Refreshed(ISession session)
    {
        var invoice = session.Get<Invoice>(Key);
        session.Refresh(invoice);
        session.Evict(invoice);
        invoice.Name = "evicted";
        session.Lock(session.Get<Invoice>(Key), LockMode.Read);
    }

    private static void ClearedChange(ISession session)
    {
        session.Get<Invoice>(Key).Name = "touched";
        session.Clear();
    }
}

/// <summary>A result that has sent its first byte before it goes on, as a view does.</summary>
internal sealed class View(Func<HttpResponse, Task> render) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        await httpContext.Response.WriteAsync("<html>");
        await httpContext.Response.Body.FlushAsync();
        Assert.That(httpContext.Response.HasStarted, Is.True);
        await render(httpContext.Response);
    }
}
