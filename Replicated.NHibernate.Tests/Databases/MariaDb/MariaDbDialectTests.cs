using System.Data.Common;
using MySqlConnector;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>What the library knows of MariaDB, against a real primary and its replica.</summary>
[Promise(10), Promise(12)]
internal sealed class MariaDbDialectTests
{
    private static MariaDbNode Master => SharedMariaDb.Cluster.Master;

    private static MariaDbNode Slave => SharedMariaDb.Cluster.Slaves[0];

    [Test]
    public async Task Server_says_which_of_the_two_it_is()
    {
        var provider = DatabaseProvider.From(MySqlConnectorFactory.Instance);
        Assert.That((provider.Dialect.Name, provider.IsConfirmed, provider.Dialect.Positions), Is.EqualTo(("MariaDB or MySQL", false, (ReplicationPositions?)null)));
        await using var connection = await provider.Open(Master.ConnectionString, async: true, default);
        await provider.Confirm(connection, async: true, default);
        Assert.That((provider.Dialect.Name, provider.IsConfirmed), Is.EqualTo(("MariaDB", true)));
        Assert.That(provider.Dialect.Positions, Is.TypeOf<MariaDbPositions>());
    }

    [TestCase("8.0.36", "MySQL")]
    [TestCase("10.11.4-MariaDB-1~deb12u1", "MariaDB")]
    [TestCase("5.5.5-10.11.4-MariaDB", "MariaDB")]
    [TestCase(null, "MariaDB or MySQL")]
    public void Kind_follows_from_the_version(string? version, string name) => Assert.That(new MySqlDialect(takesKeywords: true).Confirmed(version).Name, Is.EqualTo(name));

    [Test]
    public async Task Slave_session_is_read_only_and_the_next_user_of_its_connection_is_not()
    {
        var provider = await Confirmed();
        var id = Guid.NewGuid();
        await using (var connection = await provider.Open(Master.ConnectionString, async: true, default))
        {
            await provider.MakeReadOnly(connection, async: true, default);
            var refused = (await Assert.ThrowsAsync<MySqlException>(() => Run(connection, $"insert into post (id, title) values ('{id}', 'never')")))!;
            Assert.That((provider.Dialect.IsReadOnlyRefusal(refused), DatabaseDialect.NameOf(refused)), Is.EqualTo((true, "MySqlException 1792")));
        }

        await using (var next = await provider.Open(Master.ConnectionString, async: true, default))
        {
            await Run(next, $"insert into post (id, title) values ('{id}', 'written')");
        }

        Assert.That(await Master.Ask<int>($"select count(*) from post where id = '{id}'"), Is.EqualTo(1));
    }

    [Test]
    public async Task Replica_that_refuses_writes_is_a_refusal_too()
    {
        await using var connection = await (await Confirmed()).Open(Slave.ConnectionString, async: true, default);
        var refused = (await Assert.ThrowsAsync<MySqlException>(() => Run(connection, "insert into post (id, title) values ('x', 'never')")))!;
        Assert.That((new MySqlDialect(takesKeywords: true).IsReadOnlyRefusal(refused), refused.Number), Is.EqualTo((true, 1290)));
    }

    [TestCase("ConnectionReset=false", true)]
    [TestCase("Connection Reset=0", true)]
    [TestCase("ConnectionReset=true", false)]
    [TestCase("Server=x", false)]
    public void String_whose_sessions_are_not_reset_is_refused_at_start(string connectionString, bool refused) =>
        Assert.That(new MySqlDialect(takesKeywords: true).Contradiction(connectionString, isSlave: false, readOnlySwitch: true), refused ? Does.Contain("ConnectionReset") : Is.Null);

    [Test]
    public async Task Failures_while_opening_have_their_class()
    {
        var provider = await Confirmed();
        Assert.That(await Opening(With(b => b.Port = 1)), Is.EqualTo(FailureClass.Unreachable), "refused");
        Assert.That(await Opening(With(b => b.Server = "no-such-host.invalid")), Is.EqualTo(FailureClass.Unreachable), "unknown host");
        Assert.That(await Opening(With(b => b.Password = "wrong")), Is.EqualTo(FailureClass.RefusedUs), "password");
        Assert.That(await Opening(With(b => b.Database = "mysql")), Is.EqualTo(FailureClass.RefusedUs), "database");
        var one = With(b => (b.MaximumPoolSize, b.ConnectionTimeout) = (1, 1));
        await using (await provider.Open(one, async: true, default))
        {
            Assert.That(await Opening(one), Is.EqualTo(FailureClass.Busy), "pool");
        }

        await Master.Execute("create user if not exists one_only@'%' identified by 'x' with max_user_connections 1");
        var only = With(b => (b.UserID, b.Password, b.Database, b.Pooling) = ("one_only", "x", "", false));
        await using (await provider.Open(only, async: true, default))
        {
            Assert.That(await Opening(only), Is.EqualTo(FailureClass.Busy), "max_user_connections");
        }

        async Task<FailureClass> Opening(string connectionString)
        {
            try
            {
                await using var opened = await provider.Open(connectionString, async: true, default);
                throw new InvalidOperationException("It was opened.");
            }
            catch (MySqlException e)
            {
                return provider.Dialect.Classify(new Failure(e, FailurePhase.Open));
            }
        }
    }

    [Test]
    public async Task Failures_of_statements_have_their_class()
    {
        var provider = await Confirmed();
        await using var connection = await provider.Open(Master.ConnectionString, async: true, default);
        Assert.That(ClassOf(await Assert.ThrowsAsync<MySqlException>(() => Run(connection, "no sql"))), Is.EqualTo(FailureClass.Statement));
        Assert.That(ClassOf(await Assert.ThrowsAsync<MySqlException>(() => Run(connection, "show all slaves status")), FailurePhase.Question), Is.EqualTo(FailureClass.PositionsOff), "1227");
        Assert.That(ClassOf(await Assert.ThrowsAsync<MySqlException>(() => Run(connection, "select @@no_such_variable")), FailurePhase.Question), Is.EqualTo(FailureClass.PositionsOff), "1193");
        await using var command = connection.CreateCommand();
        command.CommandText = "select connection_id()";
        var id = await command.ExecuteScalarAsync();
        await Master.Execute($"kill {id}");
        Assert.That(ClassOf(await Assert.CatchAsync<DbException>(() => Run(connection, "select 1"))), Is.EqualTo(FailureClass.ConnectionLost));

        FailureClass ClassOf(Exception? e, FailurePhase phase = FailurePhase.Statement) =>
            provider.Dialect.Classify(new Failure(e!, phase, connection.State == System.Data.ConnectionState.Open));
    }

    private static string With(Action<MySqlConnectionStringBuilder> change)
    {
        var builder = new MySqlConnectionStringBuilder(Master.ConnectionString);
        change(builder);
        return builder.ConnectionString;
    }

    private static async Task<DatabaseProvider> Confirmed()
    {
        var provider = DatabaseProvider.From(MySqlConnectorFactory.Instance);
        await using var connection = await provider.Open(Master.ConnectionString, async: true, default);
        await provider.Confirm(connection, async: true, default);
        return provider;
    }

    private static async Task Run(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }
}
