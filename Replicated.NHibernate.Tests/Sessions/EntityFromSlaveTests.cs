using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What may be done on the master with an entity that the request's slave session has loaded.</summary>
[Promise(6)]
internal sealed class EntityFromSlaveTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Giving_it_to_the_masters_session_names_the_entity_and_Merge(
        [Values("Update", "SaveOrUpdate", "Persist", "Delete", "Lock")] string how, [Values("entity", "proxy", "initialized proxy")] string what, [Values] bool async)
    {
        var key = await Seeded();
        var answer = await _app.Post(async context =>
        {
            var invoice = FromSlave(context, key, what);
            if (async)
            {
                await GiveAsync(context.Session(), invoice, how);
            }
            else
            {
                Give(context.Session(), invoice, how);
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.TypeOf<HibernateException>().With.Message.Contains($"Invoice#{key}").And.Message.Contains("Use Merge").And.Message.Contains(" /run"));
        Assert.That(await Name(key), Is.EqualTo("before"));
    }

    [Test]
    public async Task It_is_named_without_a_collection_or_a_proxy_too_where_NHibernate_would_write_what_the_slave_had([Values] bool evicted)
    {
        var key = await Seeded();
        var answer = await _app.Post(context =>
        {
            Setting setting;
            using (context.RequestServices.GetRequiredService<IReplicatedSessions>().UseSlave())
            {
                var slave = _app.Factories.Slave.GetCurrentSession();
                setting = slave.Get<Setting>(key);
                if (evicted)
                {
                    slave.Evict(setting);
                    setting.Name = "after";
                }
            }

            context.Session().Update(setting);
            return Task.FromResult(SessionApp.Done());
        });
        if (evicted)
        {
            answer.Ok();
            Assert.That(await Database.Ask<string>($"select name from setting where id = '{key}'"), Is.EqualTo("after"), "then it is detached, like any other");
        }
        else
        {
            Assert.That(answer.Thrown, Is.TypeOf<HibernateException>().With.Message.Contains($"Setting#{key}"));
        }
    }

    [Test]
    public async Task Merge_writes_a_copy_of_it([Values("entity", "initialized proxy")] string what, [Values] bool async)
    {
        var key = await Seeded();
        (await _app.Post(async context =>
        {
            var invoice = FromSlave(context, key, what);
            var master = context.Session();
            var copy = async ? await master.MergeAsync(invoice) : master.Merge(invoice);
            Assert.That((copy != invoice, master.Contains(copy), master.Contains(invoice)), Is.EqualTo((true, true, false)));
            copy.Name = "after";
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Name(key), Is.EqualTo("after"));
    }

    [Test]
    public async Task What_is_new_may_refer_to_it()
    {
        var key = await Seeded();
        (await _app.Post(context =>
        {
            context.Session().Save(new InvoiceLine { Invoice = FromSlave(context, key, "entity"), Name = "a line" });
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from invoice_line where invoice_id = '{key}'"), Is.EqualTo(1));
    }

    private Invoice FromSlave(HttpContext context, Guid key, string what)
    {
        using var block = context.RequestServices.GetRequiredService<IReplicatedSessions>().UseSlave();
        var slave = _app.Factories.Slave.GetCurrentSession();
        var invoice = what == "entity" ? slave.Get<Invoice>(key) : slave.Load<Invoice>(key);
        if (what == "initialized proxy")
        {
            NHibernateUtil.Initialize(invoice);
        }

        return invoice;
    }

    private static void Give(ISession master, Invoice invoice, string how)
    {
        switch (how)
        {
            case "Update":
                master.Update(invoice);
                break;
            case "SaveOrUpdate":
                master.SaveOrUpdate(invoice);
                break;
            case "Persist":
                master.Persist(invoice);
                break;
            case "Delete":
                master.Delete(invoice);
                break;
            default:
                master.Lock(invoice, LockMode.None);
                break;
        }
    }

    private static Task GiveAsync(ISession master, Invoice invoice, string how) => how switch
    {
        "Update" => master.UpdateAsync(invoice),
        "SaveOrUpdate" => master.SaveOrUpdateAsync(invoice),
        "Persist" => master.PersistAsync(invoice),
        "Delete" => master.DeleteAsync(invoice),
        _ => master.LockAsync(invoice, LockMode.None),
    };

    private static async Task<Guid> Seeded()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', 'before'); insert into setting values ('{key}', 'before')");
        await Database.Cluster.WaitForSlavesAsync();
        return key;
    }

    private static Task<string> Name(Guid key) => Database.Ask<string>($"select name from invoice where id = '{key}'");
}
