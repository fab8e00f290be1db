using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Settings;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Settings;

[Promise(5)]
internal sealed class ConfigurationTests
{
    private const string Password = "hunter2-and-more";

    /// <summary>A mistake of every kind, each independent of the others.</summary>
    private static readonly Dictionary<string, string?> TenMistakes = new()
    {
        ["Replicated:AutoReadOnSlave"] = "banana",
        ["Replicated:MasterReadWeight"] = "101",
        ["Replicated:MaxFallbackSessions"] = "-1",
        ["Replicated:LoadBalancing"] = "Fair",
        ["Replicated:ReadOnlyMethods:0"] = "get",
        ["Replicated:Balancing"] = "Random",
        ["Replicated:Slaves:0:Name"] = "b",
        ["Replicated:Slaves:1:Name"] = "b",
        ["Replicated:Slaves:1:ConnectionStringName"] = "Nowhere",
        ["ConnectionStrings:Slave"] = "db2.example",
    };

    [Test]
    public async Task A_configuration_with_eleven_mistakes_lists_eleven()
    {
        // The eleventh is the master, who is missing; the slave without a connection string still has its name.
        var errors = await StartUp.Errors(TenMistakes);
        string[] named =
        [
            "Replicated:AutoReadOnSlave is", "MasterReadWeight must be", "MaxFallbackSessions must be", "'Fair'", "'get'", "Replicated:Balancing",
            "Replicated:Slaves:0 needs", "Replicated:Slaves:1:Name is 'b'", "'Nowhere'", "slave-1 is not of the form", "There is no master",
        ];
        Assert.Multiple(() =>
        {
            Assert.That(errors, Has.Length.EqualTo(named.Length), string.Join('\n', errors));
            foreach (var part in named)
            {
                Assert.That(errors, Has.Exactly(1).Contains(part));
            }
        });
    }

    [Test]
    public async Task No_error_shows_a_connection_string_in_whatever_place_it_was_put(
        [Values(
            "ConnectionStrings:Slave", "Replicated", "Replicated:AutoReadOnSlave", "Replicated:MasterReadWeight", "Replicated:LoadBalancing", "Replicated:ReadOnlyMethods",
            "Replicated:ReadOnlyMethods:0", "Replicated:Slave", "Replicated:Slaves", "Replicated:Slaves:0", "Replicated:Slaves:0:Name", "Replicated:Slaves:0:Weight",
            "Replicated:Slaves:0:ConnectionStringName", "Replicated:Slaves:0:Password", "Replicated:ReadYourWrites", "Replicated:ReadYourWrites:Mode", "Replicated:ReadYourWrites:Window",
            "Replicated:ReadYourWrites:Header", "Replicated:ReadYourWrites:Cookie", "Replicated:ReadYourWrites:Cookie:Name", "Replicated:Probe")]
        string place,
        [Values($"Host=db2;Username=app;Password={Password}", $"Hots=db2;Password={Password}", $"Host=db2;Port={Password}", $"Host=db2;{Password}", $"Host=db2;Password=;{Password}=x", $"postgres://app:{Password}@db2/app")]
        string connectionString)
    {
        var alone = await Caught(StartUp.Beside((place, connectionString)));
        // Where the string is right for its place, another mistake sees to an error.
        var beside = await Caught(StartUp.Beside(("Replicated:Balancing", "Random"), (place, connectionString)));
        Assert.That(beside, Does.Contain("Replicated:Balancing").And.Not.Contain(Password));
        Assert.That(alone, Does.Not.Contain(Password));
    }

    [Test, Promise(4)]
    public async Task A_bad_reload_is_logged_and_the_former_settings_stay()
    {
        var log = new RecordedLog();
        using var host = await StartUp.Host(StartUp.Beside(("Replicated:LoadBalancing", "RoundRobin")), register: services => Register(services, log));
        var (settings, configuration) = (host.Services.GetRequiredService<OptionsSnapshot>(), host.Services.GetRequiredService<IConfiguration>());

        Reload(configuration, ("Replicated:AutoReadOnSlave", "banana"), ("Replicated:LoadBalancing", $"Password={Password}"));
        var afterBad = settings.Value;
        Reload(configuration, ("Replicated:AutoReadOnSlave", "false"), ("Replicated:LoadBalancing", "Random"));
        var afterGood = settings.Value;

        Assert.Multiple(() =>
        {
            Assert.That(afterBad.AutoReadOnSlave, Is.True);
            Assert.That(afterBad.Options.LoadBalancing, Is.EqualTo("RoundRobin"));
            Assert.That(log.Messages(7).Single(), Does.Contain("Replicated:AutoReadOnSlave is 'banana'").And.Contain("Replicated:LoadBalancing").And.Not.Contain(Password));
            Assert.That(afterGood.AutoReadOnSlave, Is.False);
            Assert.That(afterGood.Options.LoadBalancing, Is.EqualTo("Random"));
        });
    }

    [Test]
    public async Task A_reload_that_the_applications_own_delegate_fails_on_is_bad_too()
    {
        var (log, fails) = (new RecordedLog(), false);
        using var host = await StartUp.Host(StartUp.Beside(), register: services =>
            Register(services, log, options => options.MasterReadWeight = fails ? throw new FormatException("not today") : 7));
        var (settings, configuration) = (host.Services.GetRequiredService<OptionsSnapshot>(), host.Services.GetRequiredService<IConfiguration>());

        fails = true;
        Reload(configuration, ("Replicated:AutoReadOnSlave", "false"));

        Assert.Multiple(() =>
        {
            Assert.That(settings.Value.AutoReadOnSlave, Is.True);
            Assert.That(settings.Value.Options.MasterReadWeight, Is.EqualTo(7));
            Assert.That(log.Messages(7).Single(), Does.Contain("not today"));
        });
    }

    [Test]
    public void Without_any_configuration_the_error_says_where_the_master_is_looked_for()
    {
        var services = new ServiceCollection();
        services.AddReplicatedConnections(NpgsqlFactory.Instance, options => options.Slaves.Add(new SlaveOptions { Name = "b", ConnectionString = StartUp.Master }));
        using var provider = services.BuildServiceProvider();
        var thrown = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IReplicatedSessions>());
        Assert.That(thrown!.Failures.Single(), Does.Contain("There is no master").And.Contain("ConnectionStrings:Master").And.Contain("IConfiguration"));
    }

    [Test]
    public void Without_a_host_the_nodes_come_from_a_configuration_and_the_delegate()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(StartUp.Beside(("ConnectionStrings:Slave", "Host=127.0.0.1;Port=2"))).Build());
        services.AddReplicatedConnections(NpgsqlFactory.Instance, options => options.Slaves.Add(new SlaveOptions { Name = "b", ConnectionString = "Host=127.0.0.1;Port=3", Weight = 4 }));
        using var provider = services.BuildServiceProvider();
        var pool = provider.GetRequiredService<NodePool>();
        Assert.Multiple(() =>
        {
            Assert.That(pool.Master.ConnectionString, Is.EqualTo(StartUp.Master));
            Assert.That(pool.Slaves.Select(s => (s.Name, s.ConnectionString, s.Weight)), Is.EqualTo(new[] { ("slave-1", "Host=127.0.0.1;Port=2", 1), ("b", "Host=127.0.0.1;Port=3", 4) }));
        });
    }

    [Test]
    public async Task The_delegate_changes_what_the_section_gave()
    {
        using var host = await StartUp.Host(StartUp.Beside(("Replicated:MasterReadWeight", "3"), ("Replicated:RouteHeader", "true")), options => options.MasterReadWeight++);
        var options = host.Services.GetRequiredService<OptionsSnapshot>().Value.Options;
        Assert.That((options.MasterReadWeight, options.RouteHeader), Is.EqualTo((4, true)));
    }

    [Test]
    public async Task What_the_delegate_breaks_is_an_error_beside_those_of_the_section()
    {
        var errors = await StartUp.Errors(
            StartUp.Beside(("Replicated:LoadBalancing", "Fair")),
            options =>
            {
                options.MasterReadWeight = 500;
                options.Slaves.Add(new SlaveOptions { Name = "b", ConnectionString = "db2.example" });
            });
        Assert.That(errors, Has.Length.EqualTo(3).And.Some.Contains("MasterReadWeight").And.Some.Contains("'Fair'").And.Some.Contains("of b is not of the form"));
    }

    [Test]
    public void A_second_registration_throws_and_says_which_one_to_keep()
    {
        var services = new ServiceCollection();
        services.AddReplicatedConnections(NpgsqlFactory.Instance);
        var thrown = Assert.Throws<InvalidOperationException>(() => services.AddReplicatedConnections(NpgsqlFactory.Instance));
        Assert.That(thrown!.Message, Does.Contain("registered already").And.Contain("Call AddReplicatedNHibernate or AddReplicatedConnections once"));
    }

    private static void Register(IServiceCollection services, RecordedLog log, Action<ReplicatedOptions>? options = null)
    {
        services.AddLogging(logging => logging.AddProvider(log));
        services.AddReplicatedConnections(NpgsqlFactory.Instance, options);
    }

    private static void Reload(IConfiguration configuration, params (string Key, string Value)[] settings)
    {
        foreach (var (key, value) in settings)
        {
            configuration[key] = value;
        }

        ((IConfigurationRoot)configuration).Reload();
    }

    private static async Task<string> Caught(Dictionary<string, string?> settings)
    {
        try
        {
            using var host = await StartUp.Host(settings);
            return "";
        }
        catch (OptionsValidationException e)
        {
            return e.ToString();
        }
    }
}
