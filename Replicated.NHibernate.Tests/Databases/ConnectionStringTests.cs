using Npgsql;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Strings that say the opposite of what the library needs of them.</summary>
[Promise(13)]
internal sealed class ConnectionStringTests
{
    private static readonly DatabaseDialect Npgsql = DatabaseProvider.From(NpgsqlFactory.Instance).Dialect;

    [Test]
    public void Master_that_must_be_writable_stays_the_primary_for_sessions_that_only_read([Values("read-write", "ReadWrite")] string wanted)
    {
        var derived = Npgsql.ReadOnlyConnectionString($"Host=a,b;Target Session Attributes={wanted}", readOnlySwitch: true);
        Assert.That(new NpgsqlConnectionStringBuilder(derived).TargetSessionAttributes, Is.EqualTo("primary"));
        Assert.That(new NpgsqlConnectionStringBuilder(Npgsql.ProbeConnectionString(derived)).TargetSessionAttributes, Is.EqualTo("primary"), "The prober asks the same host.");
    }

    [TestCase("any")]
    [TestCase("primary")]
    [TestCase("standby")]
    [TestCase("prefer-standby")]
    public void Other_wishes_for_a_host_stay(string wanted) =>
        Assert.That(new NpgsqlConnectionStringBuilder(Npgsql.ReadOnlyConnectionString($"Host=a,b;Target Session Attributes={wanted}", readOnlySwitch: true)).TargetSessionAttributes, Is.EqualTo(wanted));

    [Test]
    public async Task Writable_master_can_be_opened_read_only()
    {
        var hosts = new NpgsqlConnectionStringBuilder(SharedCluster.Master.ConnectionString)
        {
            Host = $"127.0.0.1:{SharedCluster.Cluster.Slaves[0].Port},127.0.0.1:{SharedCluster.Master.Port}",
            TargetSessionAttributes = "read-write",
        };
        await using var connection = new NpgsqlConnection(Npgsql.ReadOnlyConnectionString(hosts.ConnectionString, readOnlySwitch: true));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("select current_setting('transaction_read_only') || pg_is_in_recovery()", connection);
        Assert.That(await command.ExecuteScalarAsync(), Is.EqualTo("onfalse"));
    }

    [Test]
    public async Task Probe_of_a_multiplexing_string_can_be_opened()
    {
        await using var connection = new NpgsqlConnection(Npgsql.ProbeConnectionString(SharedCluster.Master.ConnectionString + ";Multiplexing=true"));
        await connection.OpenAsync();
        Assert.That(new NpgsqlConnectionStringBuilder(connection.ConnectionString).Pooling, Is.False);
    }

    [Test]
    public void Slave_that_must_be_writable_is_refused_with_the_remedy()
    {
        const string Slave = "Host=a;Target Session Attributes=read-write";
        Assert.That(Npgsql.Contradiction(Slave, isSlave: true, readOnlySwitch: true), Does.Contain("which no slave fits").And.Contain("standby"));
        Assert.That(Npgsql.Contradiction(Slave, isSlave: false, readOnlySwitch: true), Is.Null, "the master's");
        Assert.That(Npgsql.Contradiction("Host=a;No Reset On Close=true", isSlave: true, readOnlySwitch: true), Does.Contain("No Reset On Close"));
        Assert.That(Npgsql.Contradiction("Host=a;Target Session Attributes=standby", isSlave: true, readOnlySwitch: true), Is.Null);
    }
}
