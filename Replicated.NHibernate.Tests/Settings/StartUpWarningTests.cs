using System.Data.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Settings;

/// <summary>What takes routing away without an error is said once, when the application starts.</summary>
internal sealed class StartUpWarningTests
{
    private const string Slave = "Host=127.0.0.1;Port=1;Database=other";

    [TestCase("Slaves")]
    [TestCase("ReadReplica")]
    [TestCase("db-readonly")]
    public async Task Connection_string_that_nobody_reads_is_named(string name) =>
        Assert.That(await Logged(41, ($"ConnectionStrings:{name}", Slave)), Has.Count.EqualTo(1).And.All.Contains($"ConnectionStrings:{name}").And.All.Not.Contains("127.0.0.1"));

    [TestCase("ConnectionStrings:Slave", null)]
    [TestCase("ConnectionStrings:Replica2", "Replica2")]
    [TestCase("ConnectionStrings:Redis", null)]
    public async Task Connection_string_that_is_read_or_is_something_else_is_not(string key, string? named) =>
        Assert.That(await Logged(41, (key, Slave), ("Replicated:Slaves:0:Name", named is null ? null : "second"), ("Replicated:Slaves:0:ConnectionStringName", named)), Is.Empty);

    [TestCase(true, "none; everything runs on the master")]
    [TestCase(false, "slave-1")]
    public async Task Slaves_in_use_are_said(bool none, string said) =>
        Assert.That(await Logged(40, ("ConnectionStrings:Slave", none ? null : Slave)), Has.Count.EqualTo(1).And.All.Contains(said));

    [Test]
    public async Task Registration_of_the_applications_own_that_wins_is_named([Values("before", "after")] string when)
    {
        var logged = await Logged(42, services =>
        {
            if (when == "before")
            {
                services.AddScoped<DbConnection>(_ => new NpgsqlConnection());
            }

            services.AddReplicatedConnections(NpgsqlFactory.Instance);
            if (when == "after")
            {
                services.AddScoped<DbConnection>(_ => new NpgsqlConnection());
            }
        });
        Assert.That(logged, Has.Count.EqualTo(1).And.All.Contains("DbConnection"));
        Assert.That(await Logged(42), Is.Empty);
    }

    [Test]
    public async Task Switching_AutoReadOnSlave_is_logged()
    {
        var log = new RecordedLog();
        using var host = await StartUp.Host(StartUp.Beside(), register: services => Register(services, log));
        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();
        foreach (var value in new[] { "false", "false", "true" })
        {
            configuration["Replicated:AutoReadOnSlave"] = value;
            configuration.Reload();
        }

        await host.StopAsync();
        Assert.That(log.Messages(44).Select(m => m.Split(':')[0]), Is.EqualTo(new[] { "AutoReadOnSlave is False now", "AutoReadOnSlave is True now" }));
    }

    private static Task<List<string>> Logged(int id, params (string Key, string? Value)[] settings) => Logged(id, s => s.AddReplicatedConnections(NpgsqlFactory.Instance), settings);

    private static async Task<List<string>> Logged(int id, Action<IServiceCollection> register, params (string Key, string? Value)[] settings)
    {
        var log = new RecordedLog();
        using var host = await StartUp.Host(StartUp.Beside([.. settings.Where(s => s.Value is not null)]), register: services =>
        {
            services.AddLogging(logging => logging.AddProvider(log));
            register(services);
        });
        await host.StopAsync();
        return [.. log.Messages(id)];
    }

    private static void Register(IServiceCollection services, RecordedLog log)
    {
        services.AddLogging(logging => logging.AddProvider(log));
        services.AddReplicatedConnections(NpgsqlFactory.Instance);
    }
}
