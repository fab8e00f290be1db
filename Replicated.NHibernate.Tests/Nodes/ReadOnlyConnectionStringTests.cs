using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

[Promise(12), NonParallelizable]
internal sealed class ReadOnlyConnectionStringTests
{
    private const string Switch = "-c default_transaction_read_only=on";

    private static readonly DatabaseProvider Npgsql = DatabaseProvider.From(NpgsqlFactory.Instance);

    private string? _pgOptions;

    [SetUp]
    public void Keep() => _pgOptions = Environment.GetEnvironmentVariable("PGOPTIONS");

    [TearDown]
    public void Restore() => Environment.SetEnvironmentVariable("PGOPTIONS", _pgOptions);

    [Test]
    public void The_switch_is_set_where_nothing_was()
    {
        Environment.SetEnvironmentVariable("PGOPTIONS", null);
        Assert.That(Parsed("Host=db2;Password=a b").Options, Is.EqualTo(Switch));
    }

    [Test]
    public void The_strings_own_options_are_kept()
    {
        Environment.SetEnvironmentVariable("PGOPTIONS", "-c work_mem=1MB");
        Assert.That(Parsed("Host=db2;options=-c statement_timeout=5s").Options, Is.EqualTo($"-c statement_timeout=5s {Switch}"));
    }

    [Test]
    public void Pgoptions_are_kept_because_options_in_a_string_take_their_place()
    {
        Environment.SetEnvironmentVariable("PGOPTIONS", "-c work_mem=1MB");
        Assert.That(Parsed("Host=db2").Options, Is.EqualTo($"-c work_mem=1MB {Switch}"));
    }

    [Test, Promise(6)]
    public void A_slave_is_never_enlisted_in_a_TransactionScope([Values("Host=db2", "Host=db2;Enlist=true")] string connectionString, [Values] bool readOnlySwitch) =>
        Assert.That(Parsed(connectionString, readOnlySwitch).Enlist, Is.False);

    [Test]
    public void Without_the_switch_the_options_stay_as_they_are() =>
        Assert.That(Parsed("Host=db2;Options=-c work_mem=1MB", readOnlySwitch: false).Options, Is.EqualTo("-c work_mem=1MB"));

    [Test]
    public void Everything_else_stays()
    {
        var parsed = Parsed("Server=db2;Port=5433;User ID=app;Password='a;b=\"c\"';Database=\"x y\";Maximum Pool Size=7");
        Assert.That((parsed.Host, parsed.Port, parsed.Username, parsed.Password, parsed.Database, parsed.MaxPoolSize), Is.EqualTo(("db2", 5433, "app", "a;b=\"c\"", "x y", 7)));
    }

    [Test]
    public void Another_providers_string_is_left_alone() =>
        Assert.That(DatabaseProvider.From(new FakeServers()).Dialect.ReadOnlyConnectionString("Server=s0", readOnlySwitch: true), Is.EqualTo("Server=s0"));

    private static NpgsqlConnectionStringBuilder Parsed(string connectionString, bool readOnlySwitch = true) =>
        new(Npgsql.Dialect.ReadOnlyConnectionString(connectionString, readOnlySwitch));
}
