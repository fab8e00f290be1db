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
        var settings = host.Services.GetRequiredService<CurrentSettings>().Value;
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
        var options = host.Services.GetRequiredService<CurrentSettings>().Value.Options.AfterWrite;
        Assert.Multiple(() =>
        {
            Assert.That(options.Mode, Is.EqualTo(AfterWriteMode.Auto));
            Assert.That(options.Window, Is.EqualTo(TimeSpan.FromSeconds(5)));
            Assert.That(options.MaxAge, Is.EqualTo(TimeSpan.FromSeconds(60)));
            Assert.That(options.CatchUpWait, Is.EqualTo(TimeSpan.FromMilliseconds(50)));
            Assert.That(options.Header, Is.EqualTo("Replicated-Mark"));
            Assert.That(options.Cookie.Name, Is.EqualTo("replicated-mark"));
            Assert.That((options.Cookie.HttpOnly, options.Cookie.SameSite, options.Cookie.IsEssential), Is.EqualTo((true, SameSiteMode.Lax, true)));
            Assert.That((options.Cookie.SecurePolicy, options.Cookie.Path, options.Cookie.Domain), Is.EqualTo((CookieSecurePolicy.SameAsRequest, "/", (string?)null)));
        });
    }

    [Test]
    public async Task Each_nested_option_can_be_configured()
    {
        using var host = await StartUp.Host(StartUp.Beside(
            ("Replicated:AfterWrite:Mode", "window"), ("Replicated:AfterWrite:Window", "00:00:07"), ("Replicated:AfterWrite:MaxAge", "00:02:00"),
            ("Replicated:AfterWrite:CatchUpWait", "00:00:00.125"), ("Replicated:AfterWrite:Header", "X-Mark"), ("Replicated:AfterWrite:Cookie:Name", "m"),
            ("Replicated:AfterWrite:Cookie:SameSite", "Strict"), ("Replicated:AfterWrite:Cookie:Domain", "example.org"),
            ("Replicated:Probe:Interval", "00:00:03"), ("Replicated:Probe:Timeout", "00:00:00.5")));
        var options = host.Services.GetRequiredService<CurrentSettings>().Value.Options;
        var (after, probe) = (options.AfterWrite, options.Probe);
        Assert.Multiple(() =>
        {
            Assert.That((after.Mode, after.Window, after.MaxAge), Is.EqualTo((AfterWriteMode.Window, TimeSpan.FromSeconds(7), TimeSpan.FromMinutes(2))));
            Assert.That((after.CatchUpWait, after.Header), Is.EqualTo((TimeSpan.FromMilliseconds(125), "X-Mark")));
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
        var (settings, configuration) = (host.Services.GetRequiredService<CurrentSettings>(), host.Services.GetRequiredService<IConfiguration>());

        (configuration["Replicated:AfterWrite:Mode"], configuration["Replicated:AfterWrite:Window"]) = ("Off", "soon");
        ((IConfigurationRoot)configuration).Reload();
        var afterBad = settings.Value.Options.AfterWrite;
        configuration["Replicated:AfterWrite:Window"] = "00:00:02";
        ((IConfigurationRoot)configuration).Reload();
        var afterGood = settings.Value.Options.AfterWrite;

        Assert.That(log.Messages(7).Single(), Does.Contain("Replicated:AfterWrite:Window is 'soon'"));
        Assert.That((afterBad.Mode, afterBad.Window), Is.EqualTo((AfterWriteMode.Auto, TimeSpan.FromSeconds(5))));
        Assert.That((afterGood.Mode, afterGood.Window), Is.EqualTo((AfterWriteMode.Off, TimeSpan.FromSeconds(2))));
    }

    [Test]
    public async Task A_cookie_that_the_delegate_took_away_is_an_error() =>
        Assert.That(await StartUp.Errors(StartUp.Beside(), options => options.AfterWrite.Cookie = null!), Has.Length.EqualTo(1).And.All.Contains("Replicated:AfterWrite:Cookie:Name"));
}
