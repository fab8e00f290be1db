using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>AutoReadOnSlave and ReadOnlyMethods, as configured and as changed while the application runs.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(4)]
internal sealed class SwitchTests(UnitOfWork unit)
{
    private const string Switch = "Replicated:AutoReadOnSlave";

    [Test]
    public async Task Switched_off_a_get_runs_on_the_master()
    {
        await using var app = await Start(new() { [Switch] = "false" });
        Assert.That(await OnSlave(app, "GET", "/where"), Is.False);
    }

    [TestCase("POST", "/slave", true, Description = "[UseSlave]")]
    [TestCase("GET", "/slave/convention", true, Description = ".UseSlave()")]
    [TestCase("POST", "/slave/action", true, Description = "an action's [UseSlave]")]
    [TestCase("GET", "/block", true, Description = "a block")]
    [TestCase("GET", "/master", false)]
    public async Task Switched_off_explicit_choices_still_work(string verb, string path, bool onSlave)
    {
        await using var app = await Start(new() { [Switch] = "false" });
        Assert.That(await OnSlave(app, verb, path), Is.EqualTo(onSlave));
    }

    [Test]
    public async Task The_switch_can_be_thrown_and_thrown_back_while_the_application_runs()
    {
        await using var app = await Start();
        var before = await OnSlave(app, "GET", "/where");
        app.Reload(Switch, "false");
        var off = await OnSlave(app, "GET", "/where");
        app.Reload(Switch, "true");
        var on = await OnSlave(app, "GET", "/where");
        Assert.That(new[] { before, off, on }, Is.EqualTo(new[] { true, false, true }));
    }

    [Test, Promise(6)]
    public async Task A_request_that_runs_when_the_switch_is_thrown_stays_where_it_is()
    {
        await using var app = await Start(map: (app, running) => app.MapGet("/long", async (IBoard board, IReplicatedSessions sessions) =>
        {
            var before = await board.WhereAsync();
            running().Reload(Switch, "false");
            return new[] { before, await board.WhereAsync() };
        }));
        var places = await app.Get<Place[]>("/long");
        Assert.That(places[0].InRecovery, Is.True);
        Assert.That(places[1], Is.EqualTo(places[0]));
        Assert.That(await OnSlave(app, "GET", "/where"), Is.False, "the next request");
    }

    [TestCase("GET", "/where", true)]
    [TestCase("HEAD", "/head", true)]
    [TestCase("QUERY", "/where", true)]
    [TestCase("OPTIONS", "/where", true)]
    [TestCase("TRACE", "/where", false, Description = "not configured")]
    [TestCase("REPORT", "/where", true)]
    [TestCase("report", "/where", false, Description = "methods are compared with case")]
    [TestCase("POST", "/where", false)]
    [Promise(1)]
    public async Task Configured_read_only_methods_run_on_a_slave(string verb, string path, bool onSlave)
    {
        await using var app = await Start(new() { [Methods(0)] = "GET", [Methods(1)] = "HEAD", [Methods(2)] = "QUERY", [Methods(3)] = "OPTIONS", [Methods(4)] = "REPORT" });
        if (verb == "HEAD")
        {
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            using var response = await app.Client.SendAsync(request);
            Assert.That(response.Headers.GetValues("Where"), Is.EqualTo(new[] { "True" }));
        }
        else
        {
            Assert.That(await OnSlave(app, verb, path), Is.EqualTo(onSlave));
        }
    }

    [Test, Promise(1)]
    public async Task A_configured_list_of_methods_takes_the_defaults_place()
    {
        await using var app = await Start(new() { [Methods(0)] = "QUERY" });
        Assert.That(await OnSlave(app, "GET", "/where"), Is.False);
    }

    [Test, Promise(1)]
    public async Task The_read_only_methods_can_be_changed_while_the_application_runs()
    {
        await using var app = await Start();
        var before = await OnSlave(app, "QUERY", "/where");
        app.Reload(Methods(0), "QUERY");
        Assert.That(new[] { before, await OnSlave(app, "QUERY", "/where") }, Is.EqualTo(new[] { false, true }));
    }

    [TestCase(Switch, "fasle", "true")]
    [TestCase("Replicated:ReadOnlyMethods:0", "POST", "GET")]
    [TestCase("Replicated:MaxFallbackSessions", "-1", "1")]
    public async Task A_bad_reload_is_logged_and_the_former_values_stay(string key, string bad, string good)
    {
        await using var app = await Start();
        app.Reload(Switch, "false");
        app.Reload(key, bad);
        Assert.That(app.Log.Messages(7), Has.Some.Contains(key == Switch ? bad : key.Split(':')[1]));
        Assert.That(await OnSlave(app, "GET", "/where"), Is.False, "the former value");
        app.Reload(key, good);
        app.Reload(Switch, "true");
        Assert.That(await OnSlave(app, "GET", "/where"), Is.True, "a good reload after the bad one");
    }

    private static string Methods(int i) => $"Replicated:ReadOnlyMethods:{i}";

    private static async Task<bool> OnSlave(TestApp app, string verb, string path) => (await app.Send<Place>(new HttpMethod(verb), path)).InRecovery;

    private async Task<TestApp> Start(Dictionary<string, string?>? settings = null, Action<WebApplication, Func<TestApp>>? map = null)
    {
        TestApp? running = null;
        return running = await TestApp.StartAsync(
            unit,
            app =>
            {
                app.MapMethods("/where", ["GET", "QUERY", "OPTIONS", "TRACE", "POST", "REPORT"], (IBoard board) => board.WhereAsync());
                app.MapMethods("/head", ["HEAD"], async (HttpContext context, IBoard board) =>
                    context.Response.Headers["Where"] = (await board.WhereAsync()).InRecovery.ToString());
                app.MapPost("/slave", [UseSlave] (IBoard board) => board.WhereAsync());
                app.MapGet("/slave/convention", (IBoard board) => board.WhereAsync()).UseSlave();
                app.MapGet("/master", [UseMaster] (IBoard board) => board.WhereAsync());
                app.MapGet("/block", async (IReplicatedSessions sessions, IServiceProvider services) =>
                {
                    using (sessions.UseSlave())
                    {
                        return await services.GetRequiredService<IBoard>().WhereAsync();
                    }
                });
                app.MapControllers();
                map?.Invoke(app, () => running!);
            },
            settings: settings,
            build: builder => builder.AddTheseControllers(typeof(SlaveController)));
    }

    [Route("slave/action")]
    private sealed class SlaveController(IBoard board) : ControllerBase
    {
        [HttpPost, UseSlave]
        public Task<Place> Where() => board.WhereAsync();
    }
}
