using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Status;

/// <summary>The status page over HTTP, on real servers.</summary>
[Promise(15)]
internal sealed class StatusEndpointTests
{
    private static readonly string[] All = ["/replicated", "/replicated.json", "/replicated/events", "/replicated/status.css", "/replicated/status.js"];

    [Test]
    public async Task The_page_and_its_json_name_every_server()
    {
        await using var app = await Start(app => app.MapReplicatedStatus());
        using var page = await app.Client.GetAsync("/replicated");
        using var json = await app.Client.GetAsync("/replicated.json");
        var status = JsonDocument.Parse(await json.Content.ReadAsStringAsync()).RootElement;

        Assert.That((page.StatusCode, page.Content.Headers.ContentType?.MediaType, page.Headers.CacheControl?.NoStore), Is.EqualTo((HttpStatusCode.OK, "text/html", true)));
        Assert.That(await page.Content.ReadAsStringAsync(), Does.Contain(">master</h3>").And.Contain(">slave-1</h3>").And.Contain(">slave-2</h3>"));
        Assert.That(
            status.GetProperty("nodes").EnumerateArray().Select(n => (n.GetProperty("name").GetString(), n.GetProperty("role").GetString())),
            Is.EqualTo(new[] { ("master", "master"), ("slave-1", "slave"), ("slave-2", "slave") }));
    }

    [Test]
    public async Task Everything_that_the_page_loads_comes_from_its_own_path_and_its_policy_allows_nothing_else()
    {
        await using var app = await Start(app => app.MapReplicatedStatus());
        using var page = await app.Client.GetAsync("/replicated");
        var html = await page.Content.ReadAsStringAsync();
        Assert.That(html, Does.Not.Contain("<style").And.Not.Contain(" style=").And.Not.Contain("//").And.Not.Match("<script(?! src=\"replicated/)"));
        Assert.That(page.Headers.GetValues("Content-Security-Policy").Single(), Does.StartWith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'"));
        foreach (var path in All.Where(p => !p.EndsWith("/events", StringComparison.Ordinal)))
        {
            using var head = new HttpRequestMessage(HttpMethod.Head, path);
            using var answer = await app.Client.SendAsync(head);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
        }
    }

    [Test]
    public async Task The_applications_own_policy_stays()
    {
        await using var app = await Start(app =>
        {
            app.Use((context, next) =>
            {
                context.Response.Headers.ContentSecurityPolicy = "default-src 'self'";
                return next(context);
            });
            app.UseRouting();
            app.MapReplicatedStatus();
        });
        using var page = await app.Client.GetAsync("/replicated");
        Assert.That(page.Headers.GetValues("Content-Security-Policy"), Is.EqualTo(new[] { "default-src 'self'" }));
    }

    [TestCase("/ops/replicated", "href=\"replicated.json\"")]
    [TestCase("/ops/replicated/", "href=\"../replicated.json\"")]
    public async Task Its_links_are_relative_to_where_it_stands(string path, string link)
    {
        await using var app = await Start(app => app.MapGroup("/ops").MapReplicatedStatus());
        Assert.That(await app.Client.GetStringAsync(path), Does.Contain(link));
        Assert.That(await app.Client.GetStringAsync("/ops/replicated.json"), Does.Contain("slave-1"));
    }

    [Test]
    public async Task Not_mapped_there_is_nothing([ValueSource(nameof(All))] string path)
    {
        await using var app = await Start(_ => { });
        using var answer = await app.Client.GetAsync(path);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task The_applications_authorization_applies_to_all_of_it([ValueSource(nameof(All))] string path)
    {
        await using var app = await Start(
            app =>
            {
                app.UseAuthentication();
                app.UseAuthorization();
                app.MapReplicatedStatus().RequireAuthorization();
            },
            services => services.AddAuthorization().AddAuthentication("key").AddScheme<AuthenticationSchemeOptions, KeyHandler>("key", _ => { }));
        using var refused = await app.Client.GetAsync(path);
        using var allowed = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { KeyHandler.Header, "yes" } } };
        using var answer = await app.Client.SendAsync(allowed, HttpCompletionOption.ResponseHeadersRead);
        Assert.That((refused.StatusCode, answer.StatusCode), Is.EqualTo((HttpStatusCode.Unauthorized, HttpStatusCode.OK)));
    }

    [Test]
    public async Task No_answer_has_anything_of_a_connection_string_but_host_and_port()
    {
        var settings = TestApp.Settings(SharedCluster.Cluster);
        foreach (var key in settings.Keys.Where(k => k.Contains("ConnectionString", StringComparison.Ordinal) && settings[k]!.Contains("Host", StringComparison.Ordinal)).ToArray())
        {
            settings[key] += ";Password=not-for-anybody;Application Name=nor-this";
        }

        await using var app = await Start(app => app.MapReplicatedStatus(), settings: settings);
        foreach (var path in All.Where(p => !p.EndsWith("/events", StringComparison.Ordinal)))
        {
            var text = await app.Client.GetStringAsync(path);
            Assert.That(text, Does.Not.Contain("not-for-anybody").And.Not.Contain("nor-this").And.Not.Contain("postgres"), path);
        }

        Assert.That(await app.Client.GetStringAsync("/replicated.json"), Does.Contain($"127.0.0.1:{SharedCluster.Master.Port}"));
    }

    [Test]
    public async Task Its_requests_have_no_scope_and_warn_of_nothing()
    {
        await using var app = await Start(
            app =>
            {
                app.MapReplicatedStatus();
                app.MapGet("/other", () => "other");
            },
            settings: new() { ["Replicated:RouteHeader"] = "true" });
        using var other = await app.Client.GetAsync("/other");
        Assert.That(other.Headers.Contains("Replicated-Route"), Is.True, "nothing here says that a scope was begun");
        foreach (var path in All)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            using var answer = await app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.That(answer.Headers.Contains("Replicated-Route"), Is.False, path);
        }

        Assert.That(app.Log.Entries.Where(e => e.Level >= LogLevel.Warning).Select(e => e.Message), Is.Empty);
    }

    [TestCase("")]
    [TestCase("/")]
    [TestCase("/replicated/")]
    [TestCase("/{tenant}/replicated")]
    public void A_path_without_a_plain_name_at_its_end_is_refused(string pattern) =>
        Assert.That(
            () => Start(app => app.MapReplicatedStatus(pattern)),
            Throws.ArgumentException.With.Message.StartsWith("The path must end in a name"));

    [Test]
    public async Task Without_the_librarys_services_it_says_which_line_is_missing()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        await using var app = builder.Build();
        Assert.That(() => app.MapReplicatedStatus(), Throws.InvalidOperationException.With.Message.Contains("AddReplicatedNHibernate"));
    }

    internal static Task<TestApp> Start(Action<WebApplication> map, Action<IServiceCollection>? register = null, Dictionary<string, string?>? settings = null, Sample.Cluster.PostgresCluster? cluster = null) =>
        TestApp.StartAsync(UnitOfWork.Connection, map, cluster, settings, builder => register?.Invoke(builder.Services));

    private sealed class KeyHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        public const string Header = "X-Key";

        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Request.Headers.ContainsKey(Header)
            ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity("key")), "key"))
            : AuthenticateResult.NoResult());
    }
}
