using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NHibernate.Dialect;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Settings;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The half of the configuration that NHibernate has. No server is asked for anything.</summary>
[Promise(5)]
internal sealed class SessionConfigurationTests
{
    private const string Password = "hunter2-and-more";
    private const string One = $"Host=127.0.0.1;Port=1;Database=one;Password={Password}";
    private const string Two = $"Host=127.0.0.1;Port=2;Database=one;Password={Password}";

    [Test]
    public async Task Two_different_masters_are_an_error()
    {
        var errors = await Errors(Configured(Two), ("ConnectionStrings:Master", One));
        Assert.That(errors.Single(), Does.StartWith("There are two different masters: ConnectionStrings:Master and the connection string in the NHibernate configuration").And.Contain("Keep one"));
    }

    [Test]
    public async Task One_master_in_two_spellings_is_none() =>
        Assert.That(await Errors(Configured($"database=one; host=127.0.0.1; port=1; password={Password}"), ("ConnectionStrings:Master", One)), Is.Empty);

    [Test]
    public async Task A_missing_master_names_both_places() =>
        Assert.That(await Errors(Configured(connectionString: null)), Is.EqualTo(new[] { "There is no master: set ConnectionStrings:Master, or give the NHibernate configuration a connection string." }));

    [Test]
    public async Task A_connection_string_name_of_NHibernates_is_looked_up()
    {
        using var host = await Host(Named("Main"), ("ConnectionStrings:Main", One));
        Assert.That(host.Services.GetRequiredService<NodePool>().Master.ConnectionString, Is.EqualTo(One));
    }

    [Test]
    public async Task A_connection_string_name_of_NHibernates_that_leads_nowhere_is_an_error()
    {
        var errors = await Errors(Named("Nowhere"));
        Assert.That(errors, Has.Some.Contains("names the connection string 'Nowhere', but ConnectionStrings has no entry of that name"));
    }

    [Test]
    public async Task No_error_shows_a_connection_string(
        [Values($"Hots=db1;Password={Password}", $"Host=db1;{Password}", $"Host=db1;Port={Password}", Two)] string connectionString, [Values] bool asName)
    {
        var thrown = await Caught(asName ? Named(connectionString) : Configured(connectionString), ("ConnectionStrings:Master", One));
        Assert.That(thrown, Is.Not.Empty.And.Not.Contain(Password));
    }

    [Test]
    public async Task Every_mistake_on_either_side_is_listed()
    {
        var errors = await Errors(Configured(Two), ("ConnectionStrings:Master", One), ("ConnectionStrings:Slave", "db2"), ("Replicated:AutoReadOnSlave", "banana"), ("Replicated:MasterReadWeight", "101"));
        Assert.That(errors, Has.Length.EqualTo(4).And.Some.Contains("two different masters").And.Some.Contains("slave-1").And.Some.Contains("banana").And.Some.Contains("MasterReadWeight"));
    }

    [Test]
    public void Without_any_configuration_the_nodes_come_from_NHibernate_and_the_delegate()
    {
        var services = new ServiceCollection();
        services.AddReplicatedNHibernate(Configured(One), options => options.Slaves.Add(new SlaveOptions { Name = "b", ConnectionString = Two }));
        using var provider = services.BuildServiceProvider();
        var pool = provider.GetRequiredService<NodePool>();
        Assert.That((pool.Master.ConnectionString, pool.Slaves.Single().Name, pool.Slaves.Single().ConnectionString), Is.EqualTo((One, "b", Two)));
        Assert.That(provider.GetRequiredService<ReplicatedSessionFactories>().Slave, Is.Not.SameAs(provider.GetRequiredService<ReplicatedSessionFactories>().Master));
    }

    [Test]
    public void Without_a_slave_there_is_one_factory()
    {
        var services = new ServiceCollection();
        services.AddReplicatedNHibernate(Configured(One));
        using var provider = services.BuildServiceProvider();
        var factories = provider.GetRequiredService<ReplicatedSessionFactories>();
        Assert.That(factories.Slave, Is.SameAs(factories.Master));
    }

    [TestCase(null, "slave-1=" + Two, Description = "the slave factory's own")]
    [TestCase("Host=127.0.0.1;Port=3", "slave-1=Host=127.0.0.1;Port=3", Description = "the configured one wins")]
    public void The_slave_of_two_given_factories_is_their_own_unless_one_is_configured(string? configured, string expected)
    {
        using var master = Configured(One)().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Configured(Two)().UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationManager { ["ConnectionStrings:Slave"] = configured });
        services.AddReplicatedNHibernate(master, slave);
        using var provider = services.BuildServiceProvider();
        var pool = provider.GetRequiredService<NodePool>();
        Assert.That(pool.Master.ConnectionString, Is.EqualTo(One));
        Assert.That(pool.Slaves.Select(s => $"{s.Name}={s.ConnectionString}"), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public void Two_given_factories_on_one_database_have_no_slave()
    {
        using var master = Configured(One)().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Configured(One)().UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        var services = new ServiceCollection();
        services.AddReplicatedNHibernate(master, slave);
        using var provider = services.BuildServiceProvider();
        Assert.That(provider.GetRequiredService<NodePool>().HasSlaves, Is.False);
    }

    private static Func<FluentConfiguration> Configured(string? connectionString) => () => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<PostgreSQL83Dialect>())
        .ExposeConfiguration(c =>
        {
            if (connectionString is not null)
            {
                c.SetProperty(Environment.ConnectionString, connectionString);
            }
        });

    private static Func<FluentConfiguration> Named(string name) => () =>
        Configured(connectionString: null)().ExposeConfiguration(c => c.SetProperty(Environment.ConnectionStringName, name));

    private static Task<Microsoft.Extensions.Hosting.IHost> Host(Func<FluentConfiguration> configure, params (string Key, string? Value)[] settings) =>
        StartUp.Host(settings.ToDictionary(s => s.Key, s => s.Value), register: services => services.AddReplicatedNHibernate(configure));

    private static async Task<string[]> Errors(Func<FluentConfiguration> configure, params (string Key, string? Value)[] settings)
    {
        try
        {
            using var host = await Host(configure, settings);
            return [];
        }
        catch (OptionsValidationException e)
        {
            return [.. e.Failures];
        }
    }

    private static async Task<string> Caught(Func<FluentConfiguration> configure, params (string Key, string? Value)[] settings)
    {
        try
        {
            using var host = await Host(configure, settings);
            return "";
        }
        catch (OptionsValidationException e)
        {
            return e.ToString();
        }
    }
}
