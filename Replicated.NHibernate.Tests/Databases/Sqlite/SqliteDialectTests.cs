using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases.Sqlite;

/// <summary>What the library knows of SQLite, against SQLite itself.</summary>
[Promise(5)]
internal sealed class SqliteDialectTests
{
    private static readonly DatabaseProvider Provider = DatabaseProvider.From(SqliteFactory.Instance);

    private static DatabaseDialect Dialect => Provider.Dialect;

    [Test]
    public void Provider_is_known_by_the_keywords_that_it_takes() => Assert.That(Dialect, Is.TypeOf<SqliteDialect>());

    [Test]
    public void Waiting_for_the_writer_is_short_unless_the_application_says_otherwise() => Assert.Multiple(() =>
    {
        Assert.That(new SqliteConnection(Dialect.MasterConnectionString("Data Source=x")).DefaultTimeout, Is.EqualTo(5));
        Assert.That(new SqliteConnection(Dialect.MasterConnectionString("Data Source=x;Command Timeout=17")).DefaultTimeout, Is.EqualTo(17));
        Assert.That(new SqliteConnection(Dialect.ReadOnlyConnectionString("Data Source=x", readOnlySwitch: true)).DefaultTimeout, Is.EqualTo(5));
    });

    [TestCase("Data Source=x", true, SqliteOpenMode.ReadOnly)]
    [TestCase("Data Source=x;Mode=ReadWrite", true, SqliteOpenMode.ReadOnly)]
    [TestCase("Data Source=x", false, SqliteOpenMode.ReadWriteCreate)]
    [TestCase("Data Source=x;Mode=Memory;Cache=Shared", true, SqliteOpenMode.Memory)]
    public void Slave_sessions_open_the_file_read_only(string connectionString, bool readOnlySwitch, SqliteOpenMode mode) =>
        Assert.That(new SqliteConnectionStringBuilder(Dialect.ReadOnlyConnectionString(connectionString, readOnlySwitch)).Mode, Is.EqualTo(mode));

    [TestCase("Data Source=:memory:", false, "each connection has for itself")]
    [TestCase("Data Source=x;Mode=Memory", false, "each connection has for itself")]
    [TestCase("Data Source=x;Mode=ReadWrite", true, "Mode=ReadWrite")]
    [TestCase("Data Source=x;Mode=ReadWrite", false, null)]
    [TestCase("Data Source=x;Mode=Memory;Cache=Shared", false, null)]
    public void String_that_cannot_work_is_refused_at_start(string connectionString, bool isSlave, string? why)
    {
        var said = Dialect.Contradiction(connectionString, isSlave, readOnlySwitch: true);
        Assert.That(said, why is null ? Is.Null : Does.Contain(why));
    }

    [Test]
    public void Failures_have_their_class()
    {
        using var file = SqliteFile.Create("create table post (id integer primary key)");
        using var writer = file.Open();
        using var other = new SqliteConnection($"{file.ConnectionString};Pooling=False;Default Timeout=1");
        other.Open();
        using (var writing = writer.BeginTransaction())
        {
            Assert.That(ClassOf(() => other.BeginTransaction()), Is.EqualTo(FailureClass.Busy));
        }

        using (var reading = other.BeginTransaction(Dialect.LevelToBegin(IsolationLevel.Serializable, onlyReads: true)))
        {
            Run(other, "select count(*) from post", reading);
            Run(writer, "insert into post default values");
            Assert.That(ClassOf(() => Run(other, "insert into post default values", reading)), Is.EqualTo(FailureClass.Conflict), "What it read is not the newest any more.");
        }

        Assert.That(ClassOf(() => Run(other, "no sql")), Is.EqualTo(FailureClass.Statement));
        Assert.That(ClassOf(() => Provider.Open($"Data Source={file.Path}.none;Mode=ReadOnly", async: false, default).AsTask().GetAwaiter().GetResult(), FailurePhase.Open), Is.EqualTo(FailureClass.Unreachable));
    }

    [Test]
    public void Refusal_of_a_file_that_was_opened_read_only_is_known()
    {
        using var file = SqliteFile.Create("create table post (id integer primary key)");
        using var reader = new SqliteConnection(Dialect.ReadOnlyConnectionString(file.ConnectionString, readOnlySwitch: true) + ";Pooling=False");
        reader.Open();
        var refused = Assert.Throws<SqliteException>(() => Run(reader, "insert into post default values"))!;
        Assert.That((Dialect.IsReadOnlyRefusal(refused), DatabaseDialect.NameOf(refused)), Is.EqualTo((true, "SqliteException 8")));
        Assert.That(Dialect.IsReadOnlyRefusal(Assert.Throws<SqliteException>(() => Run(reader, "no sql"))!), Is.False);
    }

    private static FailureClass ClassOf(Action action, FailurePhase phase = FailurePhase.Statement) =>
        Dialect.Classify(new Failure(Assert.Catch<DbException>(() => action())!, phase, IsOpen: phase != FailurePhase.Open));

    private static void Run(SqliteConnection connection, string sql, SqliteTransaction? transaction = null)
    {
        using var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        command.ExecuteScalar();
    }
}
