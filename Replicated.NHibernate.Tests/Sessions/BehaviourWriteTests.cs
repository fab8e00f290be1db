using NHibernate;
using NHibernate.Cfg;
using NHibernate.Event;
using NHibernate.Exceptions;
using Npgsql;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the library assumes of how writes reach the database, and of what stops them.</summary>
internal sealed class BehaviourWriteTests
{
    private const string ReadOnly = ";Options=-c default_transaction_read_only=on";

    [TestCase("Save"), TestCase("Persist"), TestCase("Merge"), TestCase("Delete"), TestCase("a changed property")]
    public void On_a_plain_standby_session_without_a_transaction_a_write_vanishes_in_silence(string how)
    {
        // Why a slave session is flushed at its commit point.
        using var factory = BehaviourFactory.OnSlave();
        using var session = factory.OpenSession();
        switch (how)
        {
            case "Save":
                session.Save(new Note());
                break;
            case "Persist":
                session.Persist(new Note());
                break;
            case "Merge":
                session.Merge(new Note());
                break;
            case "Delete":
                session.Delete(new Setting { Id = Guid.NewGuid() });
                break;
            default:
                var detached = new Setting { Id = Guid.NewGuid() };
                session.Lock(detached, LockMode.None);
                detached.Name = "touched";
                break;
        }

        Assert.That(session.Dispose, Throws.Nothing);
    }

    [Test]
    public async Task A_veto_drops_the_row_in_silence()
    {
        // Why the guards throw.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster(c => c.SetListener(ListenerType.PreInsert, new Vetoing(veto: true)));
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Save(new Note { Name = name });
        transaction.Commit();
        Assert.That(await BehaviourFactory.Notes(name), Is.Zero);
    }

    [Test]
    public void A_stateless_session_calls_no_listeners()
    {
        // Why the batcher is a guard too.
        var listener = new Vetoing(veto: false);
        using var factory = BehaviourFactory.OnMaster(c => c.SetListener(ListenerType.PreInsert, listener));
        using (var session = factory.OpenStatelessSession())
        {
            session.Insert(new Note { Name = "unheard" });
        }

        Assert.That(listener.Heard, Is.Zero);
        using var stateful = factory.OpenSession();
        stateful.Save(new Counter { Name = "heard" });
        Assert.That(listener.Heard, Is.EqualTo(1), "an identity insert is heard at Save");
    }

    [Test]
    public async Task FlushMode_Manual_and_read_only_entities_are_no_guard()
    {
        // Why slave sessions do not rely on them: an identity insert goes out at Save.
        var name = BehaviourFactory.Key();
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        session.FlushMode = FlushMode.Manual;
        session.DefaultReadOnly = true;
        session.Save(new Counter { Name = name });
        Assert.That(await Database.Ask<long>($"select count(*) from counter where name = '{name}'"), Is.EqualTo(1));
    }

    [TestCase("delete from note where 1 = 0"), TestCase("update note set name = '' where 1 = 0 returning name"), TestCase("select touch('00000000-0000-0000-0000-000000000000')"),
     TestCase("select 1 from note for update"), TestCase("select nextval('ticket_seq')"), TestCase("with t as (delete from note where 1 = 0 returning 1) select 1")]
    public async Task The_databases_read_only_switch_refuses_it_on_a_primary(string sql)
    {
        // Why slave connection strings carry it: what no guard can tell from the words is refused there.
        await using var connection = new NpgsqlConnection(Database.Master.ConnectionString + ReadOnly);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        Assert.That(() => command.ExecuteNonQueryAsync(), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("25006"));
    }

    [Test]
    public async Task The_switch_can_be_escaped_on_a_primary_and_not_on_a_standby()
    {
        // Why the guards stand in front of it.
        const string Escape = "begin; set transaction read write; delete from note where 1 = 0; rollback";
        await using var master = new NpgsqlConnection(Database.Master.ConnectionString + ReadOnly);
        await master.OpenAsync();
        await using var onMaster = new NpgsqlCommand(Escape, master);
        Assert.That(() => onMaster.ExecuteNonQueryAsync(), Throws.Nothing);
        await using var slave = new NpgsqlConnection(Database.Cluster.Slaves[0].ConnectionString);
        await slave.OpenAsync();
        await using var onSlave = new NpgsqlCommand(Escape, slave);
        Assert.That(() => onSlave.ExecuteNonQueryAsync(), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("0A000"));
    }

    [Test]
    public async Task Options_in_the_connection_string_take_the_place_of_PGOPTIONS()
    {
        // Why the switch is appended to what the environment says.
        var before = System.Environment.GetEnvironmentVariable("PGOPTIONS");
        System.Environment.SetEnvironmentVariable("PGOPTIONS", "-c statement_timeout=12345");
        try
        {
            Assert.That((await Timeout(";Pooling=false"), await Timeout(";Pooling=false" + ReadOnly)), Is.EqualTo(("12345ms", "0")));
        }
        finally
        {
            System.Environment.SetEnvironmentVariable("PGOPTIONS", before);
        }

        static async Task<object?> Timeout(string more)
        {
            await using var connection = new NpgsqlConnection(Database.Master.ConnectionString + more);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("show statement_timeout", connection);
            return await command.ExecuteScalarAsync();
        }
    }

    [Test]
    public void What_the_database_says_of_a_second_statement_is_swallowed_when_the_reader_is_closed()
    {
        // Why on a slave such a reader is read to its end.
        using var factory = BehaviourFactory.OnSlave();
        using var session = factory.OpenSession();
        Assert.That(() => session.CreateSQLQuery("select 1; delete from note where 1 = 0").List(), Throws.Nothing);
        Assert.That(() => session.CreateSQLQuery("delete from note where 1 = 0").List(), Throws.InstanceOf<GenericADOException>());
    }

    [Test]
    public void Hilo_works_on_a_connection_and_in_a_transaction_of_its_own()
    {
        // Why isolated work gets a connection outside the scope's, and is refused on a slave by itself.
        using var factory = BehaviourFactory.OnMaster();
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Save(new Coupon());
        Assert.That(session.Scalar("select txid_current_if_assigned()"), Is.Empty, "the session's own transaction has not written yet");
    }

    private sealed class Vetoing(bool veto) : IPreInsertEventListener
    {
        public int Heard { get; private set; }

        public bool OnPreInsert(PreInsertEvent @event)
        {
            Heard++;
            return veto;
        }

        public Task<bool> OnPreInsertAsync(PreInsertEvent @event, CancellationToken cancellationToken) => Task.FromResult(OnPreInsert(@event));
    }
}
