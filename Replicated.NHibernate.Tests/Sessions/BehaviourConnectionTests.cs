using System.Data;
using System.Transactions;
using NHibernate;
using NHibernate.Connection;
using NHibernate.Impl;
using Npgsql;
using Environment = NHibernate.Cfg.Environment;
using IsolationLevel = System.Data.IsolationLevel;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the library assumes of how NHibernate and Npgsql handle connections.</summary>
internal sealed class BehaviourConnectionTests
{
    [Test]
    public void A_session_opens_nothing_and_BeginTransaction_opens_at_once()
    {
        // Why a transaction of our own: a request's is begun with its session, long before there is a statement.
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        Assert.That(factory.Statistics.ConnectCount, Is.Zero);
        using var transaction = session.BeginTransaction();
        Assert.That(factory.Statistics.ConnectCount, Is.EqualTo(1));
    }

    [TestCase("auto", 3), TestCase("after_transaction", 3), TestCase("on_close", 1)]
    public void Without_a_transaction_the_connection_is_released_after_each_operation(string mode, long connections)
    {
        // Why the provider gives a scope's session the scope's connection: it would hop from slave to slave.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.ReleaseConnections, mode));
        using var session = factory.OpenSession();
        for (var i = 0; i < 3; i++)
        {
            session.Get<Note>(Guid.NewGuid());
        }

        Assert.That(factory.Statistics.ConnectCount, Is.EqualTo(connections));
    }

    [Test]
    public void An_isolation_level_that_is_asked_for_later_is_ignored()
    {
        // Why ours throws there.
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.BeginTransaction(IsolationLevel.Serializable);
        Assert.That(session.Scalar("show transaction_isolation"), Is.EqualTo("read committed"));
    }

    [Test]
    public async Task The_logging_context_names_the_session_that_asks_for_a_connection()
    {
        // Why the provider finds the scope by it; nothing else is told to a connection provider.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.ConnectionProvider, typeof(Recording).AssemblyQualifiedName));
        using var first = factory.OpenSession();
        using var second = factory.OpenStatelessSession();
        using var third = factory.OpenSession();
        Assert.That(Named(() => first.Get<Note>(Guid.NewGuid())), Is.EqualTo(first.GetSessionImplementation().SessionId));
        Assert.That(Named(() => second.Get<Note>(Guid.NewGuid())), Is.EqualTo(second.GetSessionImplementation().SessionId));
        Assert.That(Named(() => first.Save(new Coupon())), Is.EqualTo(first.GetSessionImplementation().SessionId), "hilo, in isolation");
        Recording.Named = null;
        await first.GetAsync<Note>(Guid.NewGuid());
        Assert.That(Recording.Named, Is.EqualTo(first.GetSessionImplementation().SessionId));
        using var sharing = first.SessionWithOptions().Connection().OpenSession();
        Assert.That(Named(() => sharing.Get<Note>(Guid.NewGuid())), Is.EqualTo(sharing.GetSessionImplementation().SessionId), "why a sharing session is made known");

        static Guid? Named(Action use)
        {
            Recording.Named = null;
            use();
            return Recording.Named;
        }
    }

    [Test]
    public void For_a_bare_Connection_it_names_the_session_that_was_opened_last()
    {
        // Why the provider asks for the scope of that session, and takes the connection of its own role.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.ConnectionProvider, typeof(Recording).AssemblyQualifiedName));
        using var first = factory.OpenSession();
        using var second = factory.OpenSession();
        _ = first.Connection;
        Assert.That(Recording.Named, Is.EqualTo(second.GetSessionImplementation().SessionId));
    }

    [Test]
    public void A_session_in_a_transaction_cannot_be_disconnected()
    {
        // Why our transaction is not active any more while its session is being closed.
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        Assert.That(() => session.Disconnect(), Throws.InvalidOperationException);
    }

    [Test]
    public void A_standby_knows_no_serializable_transactions()
    {
        // Why a slave's factory does not join a TransactionScope, whose default it is.
        using var factory = BehaviourFactory.OnSlave();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction(IsolationLevel.Serializable);
        Assert.That(() => session.Scalar("select 1"), Throws.InnerException.With.Property("SqlState").EqualTo("0A000"));
    }

    [Test]
    public async Task Master_and_slave_in_one_TransactionScope_abort_the_masters_write([Values] bool slaveEnlists)
    {
        // Why slave connection strings carry Enlist=false: a standby cannot prepare.
        var name = BehaviourFactory.Key();
        async Task Run()
        {
            using var scope = new TransactionScope(TransactionScopeOption.Required, new TransactionOptions { IsolationLevel = System.Transactions.IsolationLevel.ReadCommitted }, TransactionScopeAsyncFlowOption.Enabled);
            await using var master = new NpgsqlConnection(Database.Master.ConnectionString);
            await master.OpenAsync();
            await using var insert = new NpgsqlCommand($"insert into note values ('{Guid.NewGuid()}', '{name}')", master);
            await insert.ExecuteNonQueryAsync();
            await using var slave = new NpgsqlConnection(Database.Cluster.Slaves[0].ConnectionString + $";Enlist={slaveEnlists}");
            await slave.OpenAsync();
            await using var select = new NpgsqlCommand("select 1", slave);
            await select.ExecuteScalarAsync();
            scope.Complete();
        }

        Assert.That(Run, slaveEnlists ? Throws.InstanceOf<TransactionAbortedException>() : Throws.Nothing);
        Assert.That(await BehaviourFactory.Notes(name), Is.EqualTo(slaveEnlists ? 0 : 1));
    }

    [Test]
    public void A_stateless_session_joins_a_TransactionScope_whatever_the_factorys_auto_join_says([Values] bool stateless)
    {
        // Why sessions of the slave's factory are kept out of it one by one.
        using var factory = BehaviourFactory.OnSlave(c => c.SetProperty(Environment.AutoJoinTransaction, "false"));
        using var scope = new TransactionScope();
        using var session = stateless ? null : factory.OpenSession();
        using var other = stateless ? factory.OpenStatelessSession() : null;
        var implementation = session?.GetSessionImplementation() ?? other!.GetSessionImplementation();
        _ = session?.CreateQuery("from Note") ?? other!.CreateQuery("from Note");
        Assert.That(implementation.TransactionContext, stateless ? Is.Not.Null : Is.Null);
    }

    [Test]
    public async Task A_broken_connection_of_Npgsql_says_Closed_and_not_Broken()
    {
        // Why a closed connection in the middle of a transaction is an error, and not replaced by a new one.
        await using var connection = new NpgsqlConnection(Database.Master.ConnectionString);
        await connection.OpenAsync();
        await Database.Execute($"select pg_terminate_backend({connection.ProcessID}, 5000)");
        await using var command = new NpgsqlCommand("select 1", connection);
        Assert.That(() => command.ExecuteScalarAsync(), Throws.InstanceOf<NpgsqlException>());
        Assert.That(connection.State, Is.EqualTo(ConnectionState.Closed));
    }

    [Test]
    public async Task A_command_of_Npgsql_takes_part_in_the_connections_transaction_whatever_its_Transaction_says()
    {
        // Why one connection for all units of a role is one transaction too.
        var name = BehaviourFactory.Key();
        await using var connection = new NpgsqlConnection(Database.Master.ConnectionString);
        await connection.OpenAsync();
        await using (await connection.BeginTransactionAsync())
        {
            await using var insert = new NpgsqlCommand($"insert into note values ('{Guid.NewGuid()}', '{name}')", connection);
            await insert.ExecuteNonQueryAsync();
        }

        Assert.That(await BehaviourFactory.Notes(name), Is.Zero);
    }

    internal sealed class Recording : DriverConnectionProvider
    {
        public static Guid? Named { get; set; }

        public override System.Data.Common.DbConnection GetConnection(string connectionString)
        {
            Named = SessionIdLoggingContext.SessionId;
            return base.GetConnection(connectionString);
        }

        public override Task<System.Data.Common.DbConnection> GetConnectionAsync(string connectionString, CancellationToken cancellationToken)
        {
            Named = SessionIdLoggingContext.SessionId;
            return base.GetConnectionAsync(connectionString, cancellationToken);
        }
    }
}
