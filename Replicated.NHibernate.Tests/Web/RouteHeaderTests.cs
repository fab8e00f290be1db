using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Every choice says why: in the answer's header on request, and in the log at Debug.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(15)]
internal sealed class RouteHeaderTests(UnitOfWork unit)
{
    private const string Header = "Replicated-Route";
    private const string Switch = "Replicated:RouteHeader";
    private const int RouteTaken = 1;
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            app.UseExceptionHandler("/error");
            app.UseRouting();
            app.UseReplicatedSessions();
            Map(app);
        },
        settings: new() { [Switch] = "true" },
        build: builder => builder.AddFreshBoard().AddTheseControllers(typeof(HeaderController)));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public void Forget() => _app.Log.Entries.Clear();

    [TestCase("GET", "/where", 200, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("HEAD", "/where", 200, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("POST", "/where", 200, "role=master; node=master; reason=verb")]
    [TestCase("GET", "/where/master", 200, "role=master; node=master; reason=attribute")]
    [TestCase("POST", "/where/slave", 200, "role=slave; node=slave-[12]; reason=attribute")]
    [TestCase("GET", "/mvc", 200, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("POST", "/mvc", 201, "role=master; node=master; reason=verb")]
    [TestCase("GET", "/mvc/missing", 404, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("GET", "/stream", 200, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("POST", "/empty", 204, "role=master; node=master; reason=verb", Description = "the scope has ended when the response starts")]
    [TestCase("GET", "/static", 200, "role=slave; reason=verb", Description = "no statement, no node")]
    [TestCase("GET", "/nothing", 204, "role=slave; reason=verb", Description = "no session, and decided when the request has ended")]
    [TestCase("POST", "/nothing", 204, "role=master; reason=verb")]
    [TestCase("GET", "/redirect", 302, "role=slave; node=slave-[12]; reason=verb")]
    [TestCase("POST", "/bad", 400, "role=master; reason=verb")]
    [TestCase("GET", "/no-endpoint", 404, "role=master; reason=before-routing")]
    [TestCase("POST", "/nothing-here", 404, "role=master; reason=before-routing")]
    [TestCase("GET", "/throw", 500, "role=master; node=master; reason=attribute", Description = "the error page's own route")]
    public async Task Every_kind_of_answer_carries_its_route(string verb, string path, int status, string route)
    {
        using var response = await Send(verb, path);
        Assert.That((int)response.StatusCode, Is.EqualTo(status), () => $"{_app.Log.LastException}");
        Assert.That(response.Headers.GetValues(Header).ToArray(), Has.Length.EqualTo(1).And.All.Match($"^{route}$"));
    }

    [Test]
    public async Task The_header_can_be_turned_off_and_on_while_the_application_runs()
    {
        _app.Reload(Switch, "false");
        using var off = await Send("GET", "/where");
        _app.Reload(Switch, "true");
        using var on = await Send("GET", "/where");
        Assert.That(new[] { off.Headers.Contains(Header), on.Headers.Contains(Header) }, Is.EqualTo(new[] { false, true }));
    }

    [Test]
    public async Task Without_the_setting_there_is_no_header()
    {
        await using var app = await TestApp.StartAsync(unit, a => a.MapGet("/static", () => "text"));
        using var response = await app.Client.GetAsync(new Uri("/static", UriKind.Relative));
        Assert.That(response.Headers.Contains(Header), Is.False);
    }

    [Test]
    public async Task Switched_off_the_header_says_so()
    {
        _app.Reload("Replicated:AutoReadOnSlave", "false");
        using var response = await Send("GET", "/where");
        _app.Reload("Replicated:AutoReadOnSlave", "true");
        Assert.That(response.Headers.GetValues(Header), Is.EqualTo(new[] { "role=master; node=master; reason=switch" }));
    }

    [Test]
    public async Task Without_slaves_the_header_says_so()
    {
        await using var app = await TestApp.StartAsync(unit, Map, settings: new() { [Switch] = "true" }, slaves: 0, build: builder => builder.AddFreshBoard().AddTheseControllers());
        using var response = await app.Client.GetAsync(new Uri("/where", UriKind.Relative));
        Assert.That(response.Headers.GetValues(Header), Is.EqualTo(new[] { "role=master; node=master; reason=no-slave" }));
    }

    [TestCase("GET", "/where", "^Route of Endpoint GET .*/where.*: role=slave; node=slave-[12]; reason=verb$")]
    [TestCase("POST", "/mvc", "^Route of Action POST .*HeaderController.Create.*: role=master; node=master; reason=verb$")]
    public async Task The_log_says_once_for_a_request_where_it_went_and_why(string verb, string path, string message)
    {
        using var response = await Send(verb, path);
        var entries = _app.Log.Entries.Where(e => e.Id == RouteTaken).ToArray();
        Assert.That(entries, Has.Length.EqualTo(1));
        Assert.That(entries[0].Level, Is.EqualTo(LogLevel.Debug));
        Assert.That(entries[0].Message, Does.Match(message));
    }

    [Test]
    public async Task The_log_says_nothing_of_a_request_without_a_statement()
    {
        using var response = await Send("GET", "/static");
        Assert.That(_app.Log.Messages(RouteTaken), Is.Empty);
    }

    private async Task<HttpResponseMessage> Send(string verb, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        return await _app.Client.SendAsync(request);
    }

    private static void Map(WebApplication app)
    {
        app.MapMethods("/where", ["GET", "HEAD", "POST"], Where);
        app.MapGet("/where/master", Where).UseMaster();
        app.MapPost("/where/slave", Where).UseSlave();
        app.MapGet("/stream", Places);
        app.MapPost("/empty", async (IBoard board) =>
        {
            await board.WhereAsync();
            return Results.NoContent();
        });
        app.MapGet("/static", () => "text");
        app.MapMethods("/nothing", ["GET", "POST"], () => Results.NoContent());
        app.MapGet("/redirect", async (IBoard board) =>
        {
            await board.WhereAsync();
            return Results.Redirect("/where");
        });
        app.MapPost("/bad", () => Results.BadRequest());
        app.MapGet("/throw", async (IBoard board) =>
        {
            await board.WhereAsync();
            throw new InvalidOperationException("on purpose");
        });
        app.MapGet("/error", ([FromKeyedServices(FreshBoard.Key)] IBoard board) => board.WhereAsync()).UseMaster();
        app.MapControllers();
    }

    private static Task<Place> Where(IBoard board) => board.WhereAsync();

    private static async IAsyncEnumerable<Place> Places(IBoard board)
    {
        yield return await board.WhereAsync();
        yield return await board.WhereAsync();
    }

    [Route("mvc")]
    private sealed class HeaderController(IBoard board) : ControllerBase
    {
        [HttpGet]
        public Task<Place> Get() => board.WhereAsync();

        [HttpPost]
        public async Task<IActionResult> Create()
        {
            await board.WhereAsync();
            return Created();
        }

        [HttpGet("missing")]
        public async Task<IActionResult> Missing()
        {
            await board.WhereAsync();
            return NotFound();
        }
    }
}
