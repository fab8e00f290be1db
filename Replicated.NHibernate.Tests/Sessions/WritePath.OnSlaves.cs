using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Linq;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is tried on slaves only: it leaves no row to ask for, or is a way round a guard.</summary>
internal static partial class WritePaths
{
    // A path's work is given a session only; the key flows beside it.
    private static readonly AsyncLocal<Guid> Key = new();

    public static readonly WritePath[] OnSlaves =
    [
        Tried("Lock_Upgrade", "(SELECT FOR UPDATE)", s => s.Lock(s.Get<Invoice>(Key.Value), LockMode.Upgrade), async s => await s.LockAsync(await s.GetAsync<Invoice>(Key.Value), LockMode.Upgrade)),
        Tried("Get_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", s => s.Get<Invoice>(Key.Value, LockMode.Upgrade), s => s.GetAsync<Invoice>(Key.Value, LockMode.Upgrade)),
        Tried("Load_with_LockMode_UpgradeNoWait", "(SELECT FOR UPDATE)", s => s.Load<Invoice>(Key.Value, LockMode.UpgradeNoWait), s => s.LoadAsync<Invoice>(Key.Value, LockMode.UpgradeNoWait)),
        Tried("Refresh_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", s => s.Refresh(s.Get<Invoice>(Key.Value), LockMode.Upgrade), async s => await s.RefreshAsync(await s.GetAsync<Invoice>(Key.Value), LockMode.Upgrade)),
        Tried("HQL_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", s => Locking(s).List(), s => Locking(s).ListAsync()),
        Tried("LINQ_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", s => s.Query<Invoice>().Where(i => i.Id == Key.Value).WithLock(LockMode.Upgrade).ToList(), s => s.Query<Invoice>().Where(i => i.Id == Key.Value).WithLock(LockMode.Upgrade).ToListAsync()),
        Tried("QueryOver_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", s => s.QueryOver<Invoice>().Where(i => i.Id == Key.Value).Lock().Upgrade.List(), s => s.QueryOver<Invoice>().Where(i => i.Id == Key.Value).Lock().Upgrade.ListAsync()),
        TriedNative("Native_for_no_key_update_by_List", "(SELECT FOR UPDATE)", "select name from invoice where id = :id for no key update"),
        TriedNative("Native_nextval_by_List", "(NEXTVAL)", "select nextval('ticket_seq') from invoice where id = :id"),
        TriedNative("Native_select_into_by_List", "(SELECT INTO)", "select name into copied from invoice where id = :id"),
        TriedNative("Native_explain_analyze_by_List", "(EXPLAIN ANALYZE)", "explain (analyze, costs off) update invoice set name = 'touched' where id = :id"),
        TriedNative("Native_large_object_by_List", "(LO_CREATE)", "select lo_create(0) from invoice where id = :id"),
        TriedNative("Native_procedure_by_List", "(CALL)", "call settle(:id)"),
        TriedNative("Native_function_that_writes_in_a_later_row", "(SELECT)", "select case n when 2 then touch(:id) end from generate_series(1, 2) n"),
        Tried("Native_DO_by_List", "(DO)", s => Do(s).List(), s => Do(s).ListAsync()),
        Tried("Native_returning_in_a_batch_of_queries", "(UPDATE)", s => Futures(s).GetEnumerable().ToList(), async s => (await Futures(s).GetEnumerableAsync()).ToList()),
        Tried("Native_way_out_of_the_switch_and_a_function_that_writes", "(SET TRANSACTION READ WRITE)", Escape, s => Task.Run(() => Escape(s))),
        Tried("Save_enhanced_sequence", "Stamp", s => s.Save(new Stamp { Name = "new" }), s => s.SaveAsync(new Stamp { Name = "new" })),
        Tried("Save_enhanced_table", "Voucher", s => s.Save(new Voucher { Name = "new" }), s => s.SaveAsync(new Voucher { Name = "new" })),
        TriedStateless("Stateless_insert_sequence", "(NEXTVAL)", (s, _) => s.Insert(new Ticket { Name = "new" }), (s, _) => s.InsertAsync(new Ticket { Name = "new" })),
        TriedStateless("Stateless_insert_hilo", "Isolated work", (s, _) => s.Insert(new Coupon { Name = "new" }), (s, _) => s.InsertAsync(new Coupon { Name = "new" })),
        TriedStateless("Stateless_insert_enhanced_sequence", "(NEXTVAL)", (s, _) => s.Insert(new Stamp { Name = "new" }), (s, _) => s.InsertAsync(new Stamp { Name = "new" })),
        TriedStateless("Stateless_insert_enhanced_table", "Isolated work", (s, _) => s.Insert(new Voucher { Name = "new" }), (s, _) => s.InsertAsync(new Voucher { Name = "new" })),
        TriedStateless("Stateless_batch", "(INSERT)", (s, _) => s.SetBatchSize(5).Insert(new Note { Name = "new" }), (s, _) => s.SetBatchSize(5).InsertAsync(new Note { Name = "new" })),
        TriedStateless("Stateless_Get_with_LockMode_Upgrade", "(SELECT FOR UPDATE)", (s, key) => s.Get<Invoice>(key, LockMode.Upgrade), (s, key) => s.GetAsync<Invoice>(key, LockMode.Upgrade)),
        Tried("Save_of_a_graph", "Invoice", s => s.Save(Graph()), s => s.SaveAsync(Graph())),
        Tried("Changed_by_a_listener_when_it_is_loaded", "Invoice#{0}", s => Listening.While(() => s.Get<Invoice>(Key.Value)), s => Listening.While(() => s.Get<Invoice>(Key.Value), Task.CompletedTask)),
        Tried("Saved_by_a_callback_before_a_commit_of_ones_own", "Note", CallBack, s => Task.Run(() => CallBack(s))),
        Tried("Stateless_session_that_shares_the_connection", "(INSERT)", Sharing, s => Task.Run(() => Sharing(s))),
        OfFactory("Session_opened_on_the_slaves_factory", "Note", s => s.Save(new Note { Name = "new" })),
        OfFactory("Raw_command_of_a_session_opened_on_the_slaves_factory", "(UPDATE)", s => Raw(s.Connection)),
        new("Raw_DbConnection_from_the_container", Invoice, "", "(UPDATE)", (sp, key, async) =>
            Run(sp.GetRequiredService<DbConnection>(), $"update invoice set name = 'touched' where id = '{key}'", async)),
    ];

    private static WritePath Tried(string name, string attempt, Action<ISession> write, Func<ISession, Task> writeAsync) => new(name, Invoice, "", attempt, async (sp, key, async) =>
    {
        Key.Value = key;
        await Do(sp, async, write, writeAsync);
    });

    private static WritePath TriedNative(string name, string attempt, string sql) =>
        Tried(name, attempt, s => s.CreateSQLQuery(sql).SetGuid("id", Key.Value).List(), s => s.CreateSQLQuery(sql).SetGuid("id", Key.Value).ListAsync());

    private static WritePath TriedStateless(string name, string attempt, Action<IStatelessSession, Guid> write, Func<IStatelessSession, Guid, Task> writeAsync) =>
        Stateless(name, Invoice, "", attempt, write, writeAsync);

    private static WritePath OfFactory(string name, string attempt, Action<ISession> write) => new(name, Invoice, "", attempt, (sp, key, async) =>
    {
        Key.Value = key;
        using var session = sp.GetRequiredService<ReplicatedSessionFactories>().Slave.OpenSession();
        write(session);
        return Task.CompletedTask;
    });

    private static IQuery Locking(ISession session) => session.CreateQuery("from Invoice i where i.Id = :id").SetGuid("id", Key.Value).SetLockMode("i", LockMode.Upgrade);

    private static ISQLQuery Do(ISession session) => session.CreateSQLQuery($"do $$ begin update invoice set name = 'touched' where id = '{Key.Value}'; end $$");

    private static IFutureEnumerable<string> Futures(ISession session)
    {
        var first = session.CreateSQLQuery("update invoice set name = 'touched' where id = :id returning name").SetGuid("id", Key.Value).Future<string>();
        session.CreateSQLQuery("select name from invoice where id = :id").SetGuid("id", Key.Value).Future<string>();
        return first;
    }

    private static void Escape(ISession session)
    {
        using var own = session.BeginTransaction();
        session.CreateSQLQuery("set transaction read write").List();
        session.CreateSQLQuery("select touch(:id)").SetGuid("id", Key.Value).List();
        own.Commit();
    }

    private static Invoice Graph()
    {
        var invoice = new Invoice { Id = Guid.NewGuid(), Name = "new" };
        invoice.Lines.Add(new InvoiceLine { Invoice = invoice, Name = "a line" });
        return invoice;
    }

    private static void CallBack(ISession session)
    {
        using var own = session.BeginTransaction();
        own.RegisterSynchronization(new Saving(session));
        own.Commit();
    }

    private static void Sharing(ISession session)
    {
        using var sharing = session.StatelessSessionWithOptions().Connection().OpenStatelessSession();
        sharing.Insert(new Note { Name = "new" });
    }

    private static void Raw(DbConnection connection) => Run(connection, $"update invoice set name = 'touched' where id = '{Key.Value}'", async: false).GetAwaiter().GetResult();

    private static async Task Run(DbConnection connection, string sql, bool async)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        if (connection.State == System.Data.ConnectionState.Closed)
        {
            await connection.OpenAsync();
        }

        Assert.That(async ? await command.ExecuteNonQueryAsync() : command.ExecuteNonQuery(), Is.EqualTo(1));
    }

    private sealed class Saving(ISession session) : global::NHibernate.Transaction.ITransactionCompletionSynchronization
    {
        public void ExecuteBeforeTransactionCompletion() => session.Save(new Note { Name = "new" });

        public Task ExecuteBeforeTransactionCompletionAsync(CancellationToken cancellationToken) => session.SaveAsync(new Note { Name = "new" }, cancellationToken);

        public void ExecuteAfterTransactionCompletion(bool success)
        {
        }

        public Task ExecuteAfterTransactionCompletionAsync(bool success, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
