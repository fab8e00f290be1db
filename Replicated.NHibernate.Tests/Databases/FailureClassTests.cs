using System.Data;
using System.Data.Common;
using Npgsql;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Whose fault a failure is, by what Npgsql throws on a real cluster.</summary>
[Promise(13)]
internal sealed class FailureClassTests
{
    private static readonly DatabaseDialect Dialect = DatabaseProvider.From(NpgsqlFactory.Instance).Dialect;

    private static PostgresNode Slave => SharedCluster.Cluster.Slaves[0];

    [OneTimeSetUp]
    public Task Start() => SharedCluster.Execute(
        SharedCluster.Master, "drop role if exists one_only; create role one_only login password 'x' connection limit 1; drop role if exists nobody; create role nobody login password 'x'");

    [Test]
    public async Task Exhausted_pool_is_busy()
    {
        var one = With(b => (b.MaxPoolSize, b.Timeout) = (1, 1));
        await using var held = new NpgsqlConnection(one);
        await held.OpenAsync();
        Assert.That(await Opening(one), Is.EqualTo(FailureClass.Busy));
    }

    [Test]
    public async Task Server_without_a_connection_left_is_busy()
    {
        var one = With(b => (b.Username, b.Password, b.Pooling) = ("one_only", "x", false));
        await using var held = new NpgsqlConnection(one);
        await held.OpenAsync();
        Assert.That(await Opening(one), Is.EqualTo(FailureClass.Busy));
    }

    [Test]
    public async Task Nobody_who_answers_is_unreachable()
    {
        Assert.That(await Opening(With(b => b.Port = 1)), Is.EqualTo(FailureClass.Unreachable), "refused");
        Assert.That(await Opening(With(b => b.Host = "no-such-host.invalid")), Is.EqualTo(FailureClass.Unreachable), "unknown host");
        Assert.That(await Opening(With(b => (b.Host, b.Port) = ("127.0.0.1:1,127.0.0.1:2", 1))), Is.EqualTo(FailureClass.Unreachable), "several hosts");
    }

    [Test]
    public async Task Server_that_answers_but_not_to_us_refuses_us()
    {
        Assert.That(await Opening(With(b => b.Username = "no_such_role")), Is.EqualTo(FailureClass.RefusedUs), "role");
        Assert.That(await Opening(With(b => b.Database = "no_such_database")), Is.EqualTo(FailureClass.RefusedUs), "database");
    }

    [Test]
    public async Task Opening_that_we_cancelled_is_ended_by_us()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await using var connection = new NpgsqlConnection(With(_ => { }));
        var error = await Assert.CatchAsync(() => connection.OpenAsync(cancelled.Token));
        Assert.That(Dialect.Classify(new Failure(error!, FailurePhase.Open, IsCancelled: true)), Is.EqualTo(FailureClass.EndedByUs));
    }

    [Test]
    public async Task Ended_connection_is_lost()
    {
        Assert.That(await Running("select pg_terminate_backend(pg_backend_pid())"), Is.EqualTo(FailureClass.ConnectionLost));
    }

    [TestCase("select 1/0")]
    [TestCase("select * from no_such_table")]
    [TestCase("set statement_timeout = 1; select pg_sleep(5)")]
    [TestCase("create role somebody")]
    public async Task Failed_statement_is_the_statements_own(string sql) => Assert.That(await Running(sql, As("nobody")), Is.EqualTo(FailureClass.Statement));

    [Test]
    public async Task Statement_that_takes_longer_than_its_command_allows_is_the_statements_own() =>
        Assert.That(await Running("select pg_sleep(5)", With(b => b.CommandTimeout = 1)), Is.EqualTo(FailureClass.Statement));

    [Test]
    public async Task Question_that_the_role_may_not_ask_turns_positions_off()
    {
        Assert.That(await Running("select pg_read_file('PG_VERSION')", As("nobody"), FailurePhase.Question), Is.EqualTo(FailureClass.PositionsOff));
        Assert.That(await Running("select pg_current_wal_lsn_of_another_vendor()", As("nobody"), FailurePhase.Question), Is.EqualTo(FailureClass.PositionsOff));
    }

    [Test]
    public async Task Level_that_a_standby_refuses_is_the_statements_own_or_a_lost_connection_and_never_the_servers()
    {
        await using var connection = new NpgsqlConnection(Slave.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        var error = await Assert.CatchAsync(async () =>
        {
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.Serializable);
            await using var command = new NpgsqlCommand("select 1", connection);
            await command.ExecuteScalarAsync();
        });
        Assert.That(
            Dialect.Classify(new Failure(error!, FailurePhase.Statement, connection.State == ConnectionState.Open, OnSlave: true)),
            Is.AnyOf(FailureClass.Statement, FailureClass.ConnectionLost));
    }

    [TestCase("40001", true, FailureClass.Conflict)]
    [TestCase("40P01", true, FailureClass.Conflict)]
    [TestCase("40001", false, FailureClass.Statement)]
    [TestCase("25P03", true, FailureClass.EndedByUs)]
    public void Code_of_the_server_decides(string code, bool onSlave, object expected)
    {
        var error = new PostgresException("", "ERROR", "ERROR", code);
        Assert.That(Dialect.Classify(new Failure(error, FailurePhase.Statement, IsOpen: true, OnSlave: onSlave)), Is.EqualTo(expected));
    }

    private static string With(Action<NpgsqlConnectionStringBuilder> change)
    {
        var builder = new NpgsqlConnectionStringBuilder(SharedCluster.Master.ConnectionString) { ApplicationName = Guid.NewGuid().ToString() };
        change(builder);
        return builder.ConnectionString;
    }

    private static string As(string role) => With(b => (b.Username, b.Password) = (role, "x"));

    private static async Task<FailureClass> Opening(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        var error = await Assert.CatchAsync(() => connection.OpenAsync());
        TestContext.Out.WriteLine(error);
        return Dialect.Classify(new Failure(error!, FailurePhase.Open));
    }

    private static async Task<FailureClass> Running(string sql, string? connectionString = null, FailurePhase phase = FailurePhase.Statement)
    {
        await using DbConnection connection = new NpgsqlConnection(connectionString ?? With(_ => { }));
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        var error = await Assert.CatchAsync(() => command.ExecuteScalarAsync());
        TestContext.Out.WriteLine(error);
        return Dialect.Classify(new Failure(error!, phase, connection.State == ConnectionState.Open));
    }
}
