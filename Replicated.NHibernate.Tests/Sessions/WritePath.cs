using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Linq;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>
/// One way to write, as the only thing a request does. <paramref name="Seed"/> makes what it needs, on the master; <paramref name="Done"/>
/// asks the master whether it was written. {0} is a key of the test's own.
/// </summary>
internal sealed record WritePath(string Name, string Seed, string Done, string Attempt, Func<IServiceProvider, Guid, bool, Task> Write)
{
    public override string ToString() => Name;
}

internal static partial class WritePaths
{
    private const string Invoice = "insert into invoice (id, name) values ('{0}', '{0}')";
    private const string InvoiceWithLine = Invoice + "; insert into invoice_line values ('{0}', '{0}', 'a line')";
    private const string InvoiceWithLabel = Invoice + "; insert into invoice_label values ('{0}', 'a label')";
    private const string InvoiceIsTouched = "select exists (select 1 from invoice where id = '{0}' and name = 'touched')";
    private const string InvoiceIsGone = "select not exists (select 1 from invoice where id = '{0}')";

    public static readonly WritePath[] All =
    [
        Inserting("Save_guid_comb", "note", "Note", () => new Note(), (x, name) => x.Name = name, (s, x) => s.Save(x), (s, x) => s.SaveAsync(x)),
        Inserting("Save_identity", "counter", "Counter", () => new Counter(), (x, name) => x.Name = name, (s, x) => s.Save(x), (s, x) => s.SaveAsync(x)),
        Inserting("Save_sequence", "ticket", "Ticket", () => new Ticket(), (x, name) => x.Name = name, (s, x) => s.Save(x), (s, x) => s.SaveAsync(x)),
        Inserting("Save_hilo", "coupon", "Coupon", () => new Coupon(), (x, name) => x.Name = name, (s, x) => s.Save(x), (s, x) => s.SaveAsync(x)),
        Inserting("SaveOrUpdate", "note", "Note", () => new Note(), (x, name) => x.Name = name, (s, x) => s.SaveOrUpdate(x), (s, x) => s.SaveOrUpdateAsync(x)),
        Inserting("Persist", "note", "Note", () => new Note(), (x, name) => x.Name = name, (s, x) => s.Persist(x), (s, x) => s.PersistAsync(x)),
        Inserting("Persist_identity", "counter", "Counter", () => new Counter(), (x, name) => x.Name = name, (s, x) => s.Persist(x), (s, x) => s.PersistAsync(x)),
        Inserting("Merge_new", "note", "Note", () => new Note(), (x, name) => x.Name = name, (s, x) => s.Merge(x), (s, x) => s.MergeAsync(x)),
        Inserting("Replicate", "invoice", "Invoice", () => new Invoice { Id = Guid.NewGuid() }, (x, name) => x.Name = name,
            (s, x) => s.Replicate(x, ReplicationMode.Overwrite), (s, x) => s.ReplicateAsync(x, ReplicationMode.Overwrite)),
        new("Merge_detached", Invoice, InvoiceIsTouched, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Merge(Detached(key)), s => s.MergeAsync(Detached(key)))),
        new("Update_detached", Invoice, InvoiceIsTouched, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Update(Detached(key)), s => s.UpdateAsync(Detached(key)))),
        new("Delete", Invoice, InvoiceIsGone, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Delete(s.Get<Invoice>(key)), async s => await s.DeleteAsync(await s.GetAsync<Invoice>(key)))),
        new("Delete_proxy", Invoice, InvoiceIsGone, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Delete(s.Load<Invoice>(key)), async s => await s.DeleteAsync(await s.LoadAsync<Invoice>(key)))),
        new("Delete_by_query", Invoice, InvoiceIsGone, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Delete($"from Invoice where Name = '{key}'"), s => s.DeleteAsync($"from Invoice where Name = '{key}'"))),
        new("Changed_property", Invoice, InvoiceIsTouched, "Invoice#{0}", (sp, key, async) => Changed<Invoice>(sp, key, async, x => x.Name = "touched")),
        new("Changed_property_of_a_proxy", Invoice, InvoiceIsTouched, "Invoice#{0}", (sp, key, async) => Do(
            sp, async, s => s.Load<Invoice>(key).Name = "touched", async s => (await s.LoadAsync<Invoice>(key)).Name = "touched")),
        new("Added_to_an_inverse_collection", Invoice, "select exists (select 1 from invoice_line where invoice_id = '{0}')", "InvoiceLine",
            (sp, key, async) => Changed<Invoice>(sp, key, async, x => x.Lines.Add(new InvoiceLine { Invoice = x, Name = "a line" }))),
        new("Removed_from_an_inverse_collection", InvoiceWithLine, "select not exists (select 1 from invoice_line where invoice_id = '{0}')", "InvoiceLine#{0}",
            (sp, key, async) => Changed<Invoice>(sp, key, async, x => x.Lines.RemoveAt(0))),
        new("Added_to_a_collection", Invoice, "select exists (select 1 from invoice_label where invoice_id = '{0}')", "Invoice#{0}",
            (sp, key, async) => Changed<Invoice>(sp, key, async, x => x.Labels.Add("a label"))),
        new("Cleared_a_collection", InvoiceWithLabel, "select not exists (select 1 from invoice_label where invoice_id = '{0}')", "Invoice#{0}",
            (sp, key, async) => Changed<Invoice>(sp, key, async, x => x.Labels.Clear())),
        new("Changed_entity_of_the_second_level_cache", "insert into setting values ('{0}', '{0}')", "select exists (select 1 from setting where id = '{0}' and name = 'touched')",
            "Setting#{0}", (sp, key, async) => Changed<Setting>(sp, key, async, x => x.Name = "touched")),
        new("Version_increment", Invoice, "select exists (select 1 from invoice where id = '{0}' and version = 2)", "(UPDATE)", (sp, key, async) => Do(
            sp, async, s => s.Lock(s.Get<Invoice>(key), LockMode.Force), async s => await s.LockAsync(await s.GetAsync<Invoice>(key), LockMode.Force))),
        Updating("HQL_update", "update Invoice set Name = 'touched' where Id = :id"),
        Updating("HQL_versioned_update", "update versioned Invoice set Name = 'touched' where Id = :id"),
        new("HQL_delete", Invoice, InvoiceIsGone, "(DELETE)", (sp, key, async) => Query(sp, async, s => s.CreateQuery("delete Invoice where Id = :id").SetGuid("id", key))),
        new("HQL_insert", Invoice, "select exists (select 1 from setting where id = '{0}')", "(INSERT)", (sp, key, async) =>
            Query(sp, async, s => s.CreateQuery("insert into Setting (Id, Name) select i.Id, i.Name from Invoice i where i.Id = :id").SetGuid("id", key))),
        new("HQL_update_of_a_joined_subclass", "insert into animal values ('{0}', '{0}'); insert into dog values ('{0}', 'a breed')",
            "select exists (select 1 from animal join dog on animal_id = id where id = '{0}' and name = 'touched' and breed = 'touched')", "(INSERT)",
            (sp, key, async) => Query(sp, async, s => s.CreateQuery("update Dog set Name = 'touched', Breed = 'touched' where Name = :name").SetString("name", key.ToString()))),
        new("LINQ_update", Invoice, InvoiceIsTouched, "(UPDATE)", (sp, key, async) => Do(
            sp,
            async,
            s => s.Query<Invoice>().Where(x => x.Id == key).Update(x => new Invoice { Name = "touched" }),
            s => s.Query<Invoice>().Where(x => x.Id == key).UpdateAsync(x => new Invoice { Name = "touched" }, CancellationToken.None))),
        new("LINQ_delete", Invoice, InvoiceIsGone, "(DELETE)", (sp, key, async) => Do(
            sp, async, s => s.Query<Invoice>().Where(x => x.Id == key).Delete(), s => s.Query<Invoice>().Where(x => x.Id == key).DeleteAsync(CancellationToken.None))),
        new("LINQ_insert", Invoice, "select exists (select 1 from setting where id = '{0}')", "(INSERT)", (sp, key, async) => Do(
            sp,
            async,
            s => s.Query<Invoice>().Where(x => x.Id == key).InsertInto(x => new Setting { Id = x.Id, Name = x.Name }),
            s => s.Query<Invoice>().Where(x => x.Id == key).InsertIntoAsync(x => new Setting { Id = x.Id, Name = x.Name }, CancellationToken.None))),
        new("Native_ExecuteUpdate", Invoice, InvoiceIsTouched, "(UPDATE)", (sp, key, async) =>
            Query(sp, async, s => s.CreateSQLQuery("update invoice set name = 'touched' where id = :id").SetGuid("id", key))),
        Listing("Native_returning_by_List", "update invoice set name = 'touched' where id = :id returning name", "(UPDATE)"),
        Listing("Native_returning_behind_a_comment", "/* why */ -- how\n update invoice set name = 'touched' where id = :id returning name", "(UPDATE)"),
        Listing("Native_data_modifying_with_by_List", "with t as (update invoice set name = 'touched' where id = :id returning name) select name from t", "(UPDATE)"),
        Listing("Native_function_that_writes", "select touch(:id)", "(SELECT)"),
        Listing("Native_second_statement_by_List", "select 1; update invoice set name = 'touched' where id = :id", "(UPDATE)"),
        Listing("Native_second_statement_whose_words_tell_nothing", "select 1; select touch(:id)", "(SELECT)"),
        Stateless("Stateless_insert", "select 1", "select exists (select 1 from note where name = '{0}')", "(INSERT)",
            (s, key) => s.Insert(new Note { Name = key.ToString() }), (s, key) => s.InsertAsync(new Note { Name = key.ToString() })),
        Stateless("Stateless_insert_identity", "select 1", "select exists (select 1 from counter where name = '{0}')", "(INSERT)",
            (s, key) => s.Insert(new Counter { Name = key.ToString() }), (s, key) => s.InsertAsync(new Counter { Name = key.ToString() })),
        Stateless("Stateless_update", Invoice, InvoiceIsTouched, "(UPDATE)", (s, key) => s.Update(Detached(key)), (s, key) => s.UpdateAsync(Detached(key))),
        Stateless("Stateless_delete", Invoice, InvoiceIsGone, "(DELETE)", (s, key) => s.Delete(Detached(key)), (s, key) => s.DeleteAsync(Detached(key))),
        Stateless("Stateless_HQL_update", Invoice, InvoiceIsTouched, "(UPDATE)",
            (s, key) => s.CreateQuery("update Invoice set Name = 'touched' where Id = :id").SetGuid("id", key).ExecuteUpdate(),
            (s, key) => s.CreateQuery("update Invoice set Name = 'touched' where Id = :id").SetGuid("id", key).ExecuteUpdateAsync()),
        new("Session_that_shares_the_connection", Invoice, InvoiceIsTouched, "(UPDATE)", (sp, key, async) => Do(
            sp,
            async,
            s =>
            {
                using var sharing = s.SessionWithOptions().Connection().OpenSession();
                sharing.CreateQuery("update Invoice set Name = 'touched' where Id = :id").SetGuid("id", key).ExecuteUpdate();
            },
            async s =>
            {
                using var sharing = s.SessionWithOptions().Connection().OpenSession();
                await sharing.CreateQuery("update Invoice set Name = 'touched' where Id = :id").SetGuid("id", key).ExecuteUpdateAsync();
            })),
        Raw("Raw_command_enlisted_after_its_creation", (session, sql) =>
        {
            var command = session.Connection.CreateCommand();
            session.GetCurrentTransaction()?.Enlist(command);
            command.CommandText = sql;
            return command;
        }),
        Raw("Raw_command_that_nobody_enlisted", (session, sql) =>
        {
            var command = session.Connection.CreateCommand();
            command.CommandText = sql;
            return command;
        }),
        Raw("Raw_command_enlisted_before_it_has_a_connection", (session, sql) =>
        {
            var command = new Npgsql.NpgsqlCommand(sql);
            session.GetCurrentTransaction()?.Enlist(command);
            command.Connection ??= session.Connection.GetProviderConnection<Npgsql.NpgsqlConnection>();
            return command;
        }),
    ];

    public static readonly bool[] SyncAndAsync = [false, true];

    /// <summary>A command of the provider's own, which no guard sees; the database refuses it on a slave.</summary>
    public static bool IsUnguarded(this WritePath path) => path.Name == "Raw_command_enlisted_before_it_has_a_connection";

    /// <summary>What NHibernate does not see at all; the database refuses it on a slave.</summary>
    public static bool IsRaw(this WritePath path) => path.Name.StartsWith("Raw_", StringComparison.Ordinal);

    public static Invoice Detached(Guid key)
    {
        var invoice = new Invoice { Id = key, Name = "touched" };
        typeof(Invoice).GetProperty(nameof(Sessions.Invoice.Version))!.SetValue(invoice, 1);
        return invoice;
    }

    private static WritePath Inserting<T>(string name, string table, string entity, Func<T> create, Action<T, string> set, Action<ISession, T> write, Func<ISession, T, Task> writeAsync)
        where T : class => new(name, "select 1", $"select exists (select 1 from {table} where name = '{{0}}')", entity, (sp, key, async) =>
        {
            var made = create();
            set(made, key.ToString());
            return Do(sp, async, s => write(s, made), s => writeAsync(s, made));
        });

    private static WritePath Updating(string name, string hql) => new(name, Invoice, InvoiceIsTouched, "(UPDATE)", (sp, key, async) =>
        Query(sp, async, s => s.CreateQuery(hql).SetGuid("id", key)));

    private static WritePath Listing(string name, string sql, string attempt) => new(name, Invoice, InvoiceIsTouched, attempt, (sp, key, async) => Do(
        sp, async, s => s.CreateSQLQuery(sql).SetGuid("id", key).List(), s => s.CreateSQLQuery(sql).SetGuid("id", key).ListAsync()));

    private static WritePath Stateless(
        string name, string seed, string done, string attempt, Action<IStatelessSession, Guid> write, Func<IStatelessSession, Guid, Task> writeAsync) =>
        new(name, seed, done, attempt, (sp, key, async) =>
        {
            var session = sp.GetRequiredService<IStatelessSession>();
            if (async)
            {
                return writeAsync(session, key);
            }

            write(session, key);
            return Task.CompletedTask;
        });

    private static WritePath Raw(string name, Func<ISession, string, DbCommand> create) => new(name, Invoice, InvoiceIsTouched, "(UPDATE)", async (sp, key, async) =>
    {
        await using var command = create(sp.GetRequiredService<ISession>(), $"update invoice set name = 'touched' where id = '{key}'");
        Assert.That(async ? await command.ExecuteNonQueryAsync() : command.ExecuteNonQuery(), Is.EqualTo(1));
    });

    private static Task Changed<T>(IServiceProvider services, Guid key, bool async, Action<T> change) =>
        Do(services, async, s => change(s.Get<T>(key)), async s => change(await s.GetAsync<T>(key)));

    private static Task Query(IServiceProvider services, bool async, Func<ISession, IQuery> query) =>
        Do(services, async, s => query(s).ExecuteUpdate(), s => query(s).ExecuteUpdateAsync());

    private static Task Do(IServiceProvider services, bool async, Action<ISession> write, Func<ISession, Task> writeAsync)
    {
        var session = services.GetRequiredService<ISession>();
        if (async)
        {
            return writeAsync(session);
        }

        write(session);
        return Task.CompletedTask;
    }
}
