using System.Data;
using NHibernate;
using NHibernate.Cfg;
using NHibernate.Event;
using NHibernate.Exceptions;
using NHibernate.Transaction;
using Npgsql;

namespace Replicated.NHibernate.Tests.Sessions;

#pragma warning disable CS0618 // The obsolete synchronization is pinned too.

/// <summary>What the library assumes of commits.</summary>
internal sealed class BehaviourCommitTests
{
    [Test]
    public async Task PostgreSQL_commits_a_failed_transaction_by_rolling_back_and_reports_success()
    {
        // Why a transaction in which a statement failed is never committed.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Save(new Note { Name = name });
        session.Flush();
        Assert.That(() => session.Scalar("select 1 / 0"), Throws.InstanceOf<GenericADOException>());
        Assert.That(transaction.Commit, Throws.Nothing);
        Assert.That((transaction.WasCommitted, await BehaviourFactory.Notes(name)), Is.EqualTo((true, 0L)));
    }

    [Test]
    public async Task A_statement_in_front_of_the_COMMIT_fails_instead()
    {
        // Why COMMIT goes out in a batch.
        await using var connection = await Open();
        await using var transaction = await connection.BeginTransactionAsync();
        Assert.That(() => Run(connection, "select 1 / 0"), Throws.InstanceOf<PostgresException>());
        Assert.That(() => Committed(connection), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("25P02"));
    }

    [TestCase("select 1", false), TestCase("select 1 from setting for update", true), TestCase("insert into note values (gen_random_uuid(), 'written')", true)]
    public async Task It_tells_in_the_same_round_trip_whether_the_transaction_wrote(string sql, bool wrote)
    {
        await Database.Execute("insert into setting values (gen_random_uuid(), 'a row to lock')");
        await using var connection = await Open();
        var transaction = await connection.BeginTransactionAsync();
        await Run(connection, sql);
        Assert.That(await Committed(connection), Is.EqualTo(wrote));
        Assert.That(async () => await transaction.DisposeAsync(), Throws.Nothing, "the transaction object does not mind");
        Assert.That(() => Run(connection, "select 1"), Throws.Nothing);
    }

    [Test]
    public async Task A_sequence_counts_as_a_write_only_when_it_takes_numbers_from_the_log()
    {
        // Why a read that draws a number may or may not be taken for a write.
        await Database.Execute("create sequence if not exists behaviour_seq; select setval('behaviour_seq', 1)");
        await using var connection = await Open();
        var wrote = new List<bool>();
        for (var i = 0; i < 34; i++)
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await Run(connection, "select nextval('behaviour_seq')");
            wrote.Add(await Committed(connection));
        }

        Assert.That((wrote[0], wrote[1], wrote.Count(w => w)), Is.EqualTo((true, false, 2)));
    }

    [Test]
    public async Task It_works_on_a_standby()
    {
        // Why an own transaction on a slave commits the same way.
        await using var connection = new NpgsqlConnection(Database.Cluster.Slaves[0].ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        Assert.That(await Committed(connection), Is.False);
    }

    [Test]
    public async Task Rolling_back_what_the_database_has_ended_is_an_InvalidOperationException_on_an_open_connection([Values] bool async)
    {
        // Why that one is not logged as a rollback that failed.
        await using var connection = await Open();
        await using var transaction = await connection.BeginTransactionAsync();
        await Run(connection, $"insert into late values (gen_random_uuid(), '{Guid.NewGuid()}')");
        Assert.That(() => Committed(connection), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("23503"));
        Assert.That(async () =>
        {
            if (async)
            {
                await transaction.RollbackAsync();
            }
            else
            {
                transaction.Rollback();
            }
        }, Throws.InvalidOperationException);
        Assert.That(connection.State, Is.EqualTo(ConnectionState.Open));
    }

    [Test]
    public void NHibernates_own_transaction_calls_back_in_the_order_that_ours_keeps()
    {
        var heard = new List<string>();
        using var factory = BehaviourFactory.OnMaster(c =>
        {
            c.SetInterceptor(new Hearing(heard));
            c.SetListener(ListenerType.PostCommitInsert, new AfterCommit(heard, fails: false));
        });
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        transaction.RegisterSynchronization(new Old(heard));
        session.Save(new Note { Name = "heard" });
        transaction.Commit();
        Assert.That(string.Join("; ", heard), Is.EqualTo("begun; interceptor before; old before; committed; interceptor after; old after True"));
    }

    [Test]
    public async Task A_listener_that_throws_after_the_commit_looks_like_a_commit_that_failed()
    {
        // Why ours lets the exception through: an application knows it from NHibernate.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster(c => c.SetListener(ListenerType.PostCommitInsert, new AfterCommit([], fails: true)));
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Save(new Note { Name = name });
        Assert.That(transaction.Commit, Throws.InstanceOf<TransactionException>());
        Assert.That(await BehaviourFactory.Notes(name), Is.EqualTo(1));
    }

    [Test]
    public async Task After_a_flush_that_failed_in_Commit_the_transaction_can_be_rolled_back()
    {
        // Why ours takes a rollback after its own: every example of NHibernate's has one in the catch block.
        var taken = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{taken}', 'there')");
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Save(new Setting { Id = taken, Name = "again" });
        Assert.That(transaction.Commit, Throws.InstanceOf<GenericADOException>());
        Assert.That(transaction.Rollback, Throws.Nothing);
    }

    [Test]
    public async Task What_was_rolled_back_before_it_was_flushed_is_written_by_the_next_transaction_of_the_session()
    {
        // Why nothing is flushed after a rollback by the application, and a scope's sessions are cleared after its own.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using (var first = session.BeginTransaction())
        {
            session.Save(new Note { Name = name });
            first.Rollback();
        }

        using var second = session.BeginTransaction();
        second.Commit();
        Assert.That(await BehaviourFactory.Notes(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_batch_of_a_stateless_session_is_written_after_a_rollback_when_the_session_is_closed()
    {
        // Why the batcher starts anew after a rollback.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "20"));
        using (var session = factory.OpenStatelessSession())
        {
            using var transaction = session.BeginTransaction();
            session.Insert(new Note { Name = name });
            transaction.Rollback();
        }

        Assert.That(await BehaviourFactory.Notes(name), Is.EqualTo(1));
    }

    private static async Task<NpgsqlConnection> Open()
    {
        var connection = new NpgsqlConnection(Database.Master.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<bool> Committed(NpgsqlConnection connection)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new("select txid_current_if_assigned() is not null"), new("commit") } };
        await using var reader = await batch.ExecuteReaderAsync();
        await reader.ReadAsync();
        var wrote = reader.GetBoolean(0);
        await reader.NextResultAsync();
        return wrote;
    }

    private sealed class Hearing(List<string> heard) : EmptyInterceptor
    {
        public override void AfterTransactionBegin(ITransaction tx) => heard.Add("begun");

        public override void BeforeTransactionCompletion(ITransaction tx) => heard.Add("interceptor before");

        public override void AfterTransactionCompletion(ITransaction tx) => heard.Add("interceptor after");
    }

    private sealed class Old(List<string> heard) : ISynchronization
    {
        public void BeforeCompletion() => heard.Add("old before");

        public void AfterCompletion(bool success) => heard.Add($"old after {success}");
    }

    private sealed class AfterCommit(List<string> heard, bool fails) : IPostInsertEventListener
    {
        public void OnPostInsert(PostInsertEvent @event)
        {
            heard.Add("committed");
            if (fails)
            {
                throw new InvalidOperationException("after the commit");
            }
        }

        public Task OnPostInsertAsync(PostInsertEvent @event, CancellationToken cancellationToken)
        {
            OnPostInsert(@event);
            return Task.CompletedTask;
        }
    }
}
