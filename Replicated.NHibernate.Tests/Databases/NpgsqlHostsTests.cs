using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Settings;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Connection strings that name several hosts, or say which kind of server they want.</summary>
[Promise(13)]
internal sealed class NpgsqlHostsTests
{
    private static readonly DatabaseDialect Npgsql = DatabaseProvider.From(NpgsqlFactory.Instance).Dialect;

    [Test]
    public void Every_host_of_a_slave_is_a_node_of_its_own_without_what_chooses_among_them()
    {
        var parts = Npgsql.SplitHosts("Server=a,b:6000,[::1]:6001;Port=5433;Load Balance Hosts=true;Target Session Attributes=prefer-standby;Host Recheck Seconds=1;Username=u");
        var read = parts.Select(p => new NpgsqlConnectionStringBuilder(p)).ToArray();
        Assert.That(read.Select(b => (b.Host, b.Port)), Is.EqualTo(new[] { ("a", 5433), ("b", 6000), ("[::1]", 6001) }));
        Assert.That(read.Select(b => (b.TargetSessionAttributes, b.LoadBalanceHosts, b.Username)), Is.All.EqualTo(((string?)null, false, "u")));
        Assert.That(Npgsql.SplitHosts("Host=a;Port=1"), Is.EqualTo(new[] { "Host=a;Port=1" }));
    }

    [Test]
    public async Task Names_go_on_from_the_first_and_meet_none_that_is_configured()
    {
        using var host = await StartUp.Host(StartUp.Beside(
            ("ConnectionStrings:Slave", "Host=127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"),
            ("Replicated:Slaves:0:Name", "slave-2"), ("Replicated:Slaves:0:ConnectionString", "Host=127.0.0.1;Port=4"),
            ("Replicated:Slaves:1:Name", "eu"), ("Replicated:Slaves:1:ConnectionString", "Host=127.0.0.1:5,127.0.0.1:6")));
        var names = host.Services.GetRequiredService<NodeRegistry>().Slaves.Select(s => s.Name).ToArray();
        await host.StopAsync();
        Assert.That(names, Is.EqualTo(new[] { "slave-1", "slave-3", "slave-4", "slave-2", "eu", "eu-2" }));
    }

    [TestCase("Host=a,b", "primary")]
    [TestCase("Host=a,b;Target Session Attributes=any", "primary")]
    [TestCase("Host=a,b;TargetSessionAttributes=PreferPrimary", "primary")]
    [TestCase("Host=a,b;Target Session Attributes=read-write", "read-write")]
    [TestCase("Host=a,b;Target Session Attributes=primary", "primary")]
    [TestCase("Host=a", null)]
    public void Master_among_several_hosts_is_the_one_that_takes_writes(string given, string? wanted) =>
        Assert.That(new NpgsqlConnectionStringBuilder(Npgsql.MasterConnectionString(given)).TargetSessionAttributes, Is.EqualTo(wanted));

    [TestCase("primary", true)]
    [TestCase("read-write", true)]
    [TestCase("ReadWrite", true)]
    [TestCase("standby", false)]
    [TestCase("prefer-standby", false)]
    [TestCase("read-only", false)]
    public void Kind_of_server_that_the_role_cannot_use_is_refused(string wanted, bool isSlave)
    {
        var given = $"Host=a,b;Target Session Attributes={wanted}";
        Assert.That(Npgsql.Contradiction(given, isSlave, readOnlySwitch: true), Does.Contain(wanted).And.Contain("Remove it"));
        Assert.That(Npgsql.Contradiction(given, isSlave, readOnlySwitch: false), Is.Not.Null, "whatever else is configured");
        Assert.That(Npgsql.Contradiction(given, !isSlave, readOnlySwitch: true), Is.Null);
    }

    [TestCase("Host=LOCALHOST", "Server=127.0.0.1;Port=5432", true)]
    [TestCase("Host=db", "Host=db:5432", true)]
    [TestCase("Host=db", "Host=db;Port=5433", false)]
    [TestCase("Host=db", "Host=other", false)]
    public void Address_of_a_string_is_its_host_and_port(string one, string other, bool isSame) =>
        Assert.That(Npgsql.AddressOf(one) == Npgsql.AddressOf(other), Is.EqualTo(isSame));
}
