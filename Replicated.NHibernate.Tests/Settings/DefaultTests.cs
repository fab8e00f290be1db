using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Settings;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Settings;

/// <summary>What counts where nothing is configured, and what of the nested sections can be configured.</summary>
[Promise(5)]
internal sealed class DefaultTests
{
    [Test]
    public async Task The_defaults_are_the_documented_ones()
    {
        using var host = await StartUp.Host(StartUp.Beside());
        var settings = host.Services.GetRequiredService<OptionsSnapshot>().Value;
        var options = settings.Options;
        Assert.Multiple(() =>
        {
            Assert.That(options.AutoReadOnSlave, Is.True);
            Assert.That(new[] { "GET", "HEAD", "get", "OPTIONS", "QUERY", "POST" }.Where(settings.IsReadOnly), Is.EqualTo(new[] { "GET", "HEAD" }));
            Assert.That(options.TransactionPerRequest, Is.True);
            Assert.That(options.RollBackFrom, Is.EqualTo(500));
            Assert.That(options.Repeat, Is.True);
            Assert.That(options.ChangesOnSlave, Is.EqualTo(ChangesOnSlaveMode.Throw));
            Assert.That(options.MasterReadWeight, Is.Zero);
            Assert.That(options.LoadBalancing, Is.EqualTo("PowerOfTwoChoices"));
            Assert.That(options.Slaves, Is.Empty);
            Assert.That(new SlaveOptions().Weight, Is.EqualTo(1));
            Assert.That(options.MaxFallbackSessions, Is.EqualTo(50));
            Assert.That(options.ReadOnlySwitch, Is.True);
            Assert.That(options.MonotonicReads, Is.EqualTo(MonotonicReadsMode.Off));
            Assert.That(options.RouteHeader, Is.False);
            Assert.That((options.Probe.Interval, options.Probe.Timeout), Is.EqualTo((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1))));
        });
    }

    [Test, Promise(10)]
    public async Task The_defaults_after_a_write_are_the_documented_ones()
    {
        using var host = await StartUp.Host(StartUp.Beside());
        var options = host.Services.GetRequiredService<OptionsSnapshot>().Value.Options.ReadYourWrites;
        Assert.Multiple(() =>
        {
            Assert.That(options.Mode, Is.EqualTo(ReadYourWritesMode.Auto));
            Assert.That(options.Window, Is.EqualTo(TimeSpan.FromSeconds(5)));
            Assert.That(options.TokenLifetime, Is.EqualTo(TimeSpan.FromSeconds(60)));
            Assert.That(options.WaitTimeout, Is.EqualTo(TimeSpan.FromMilliseconds(50)));
            Assert.That(options.Header, Is.EqualTo("Replicated-Token"));
            Assert.That(options.Cookie.Name, Is.EqualTo("replicated-token"));
            Assert.That((options.Cookie.HttpOnly, options.Cookie.SameSite, options.Cookie.IsEssential), Is.EqualTo((true, SameSiteMode.Lax, true)));
            Assert.That((options.Cookie.SecurePolicy, options.Cookie.Path, options.Cookie.Domain), Is.EqualTo((CookieSecurePolicy.SameAsRequest, "/", (string?)null)));
        });
    }

    [Test]
    public async Task Each_nested_option_can_be_configured()
    {
        using var host = await StartUp.Host(StartUp.Beside(
            ("Replicated:ReadYourWrites:Mode", "window"), ("Replicated:ReadYourWrites:Window", "00:00:07"), ("Replicated:ReadYourWrites:TokenLifetime", "00:02:00"),
            ("Replicated:ReadYourWrites:WaitTimeout", "00:00:00.125"), ("Replicated:ReadYourWrites:Header", "X-ConsistencyToken"), ("Replicated:ReadYourWrites:Cookie:Name", "m"),
            ("Replicated:ReadYourWrites:Cookie:SameSite", "Strict"), ("Replicated:ReadYourWrites:Cookie:Domain", "example.org"),
            ("Replicated:Probe:Interval", "00:00:03"), ("Replicated:Probe:Timeout", "00:00:00.5")));
        var options = host.Services.GetRequiredService<OptionsSnapshot>().Value.Options;
        var (after, probe) = (options.ReadYourWrites, options.Probe);
        Assert.Multiple(() =>
        {
            Assert.That((after.Mode, after.Window, after.TokenLifetime), Is.EqualTo((ReadYourWritesMode.Window, TimeSpan.FromSeconds(7), TimeSpan.FromMinutes(2))));
            Assert.That((after.WaitTimeout, after.Header), Is.EqualTo((TimeSpan.FromMilliseconds(125), "X-ConsistencyToken")));
            Assert.That((after.Cookie.Name, after.Cookie.SameSite, after.Cookie.Domain), Is.EqualTo(("m", SameSiteMode.Strict, "example.org")));
            Assert.That(after.Cookie.HttpOnly, Is.True, "What is not configured keeps its default.");
            Assert.That((probe.Interval, probe.Timeout), Is.EqualTo((TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(0.5))));
        });
    }

    [Test]
    public async Task A_bad_reload_of_a_nested_option_is_logged_and_the_former_one_stays()
    {
        var log = new RecordedLog();
        using var host = await StartUp.Host(StartUp.Beside(), register: services =>
        {
            services.AddLogging(logging => logging.AddProvider(log));
            services.AddReplicatedConnections(NpgsqlFactory.Instance);
        });
        var (settings, configuration) = (host.Services.GetRequiredService<OptionsSnapshot>(), host.Services.GetRequiredService<IConfiguration>());

        (configuration["Replicated:ReadYourWrites:Mode"], configuration["Replicated:ReadYourWrites:Window"]) = ("Off", "soon");
        ((IConfigurationRoot)configuration).Reload();
        var afterBad = settings.Value.Options.ReadYourWrites;
        configuration["Replicated:ReadYourWrites:Window"] = "00:00:02";
        ((IConfigurationRoot)configuration).Reload();
        var afterGood = settings.Value.Options.ReadYourWrites;

        Assert.That(log.Messages(7).Single(), Does.Contain("Replicated:ReadYourWrites:Window is 'soon'"));
        Assert.That((afterBad.Mode, afterBad.Window), Is.EqualTo((ReadYourWritesMode.Auto, TimeSpan.FromSeconds(5))));
        Assert.That((afterGood.Mode, afterGood.Window), Is.EqualTo((ReadYourWritesMode.Off, TimeSpan.FromSeconds(2))));
    }

    [Test]
    public async Task A_cookie_that_the_delegate_took_away_is_an_error() =>
        Assert.That(await StartUp.Errors(StartUp.Beside(), options => options.ReadYourWrites.Cookie = null!), Has.Length.EqualTo(1).And.All.Contains("Replicated:ReadYourWrites:Cookie:Name"));
}
