using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Error pages and status-code pages run the pipeline a second time, with another endpoint and the same verb.</summary>
[TestFixtureSource(nameof(Cases))]
internal sealed class ReExecutionTests(UnitOfWork unit, bool scopeInside, bool newContainerScope)
{
    private static readonly List<Place> Places = [];
    private TestApp _app = null!;

    /// <summary>The scope inside what executes again, as the README has it, or around it; and with or without CreateScopeForErrors.</summary>
    public static IEnumerable<TestFixtureData> Cases =>
        from unit in UnitOfWork.All
        from inside in new[] { true, false }
        from fresh in new[] { true, false }
        select new TestFixtureData(unit, inside, fresh);

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            if (scopeInside)
            {
                Errors(app);
                app.UseReplicatedSessions();
            }
            else
            {
                app.UseRouting();
                app.UseReplicatedSessions();
                Errors(app);
            }

            Map(app);
        },
        build: builder =>
        {
            builder.AddFreshBoard();
            builder.AddTheseControllers(typeof(FailingController));
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public void Forget()
    {
        Places.Clear();
        _app.Log.Entries.Clear();
    }

    [TestCase("GET", "/missing", "/status", true, true)]
    [TestCase("GET", "/missing", "/status/master", true, false, Description = "the page's own attribute")]
    [TestCase("GET", "/missing/master", "/status", false, true, Description = "not the first endpoint's attribute")]
    [TestCase("POST", "/missing", "/status", false, false, Description = "the same verb")]
    [TestCase("POST", "/missing", "/status/slave", false, true)]
    [TestCase("GET", "/throw", "/error", true, true)]
    [TestCase("GET", "/throw", "/error/master", true, false)]
    [TestCase("GET", "/throw/master", "/error", false, true)]
    [TestCase("POST", "/throw", "/error", false, false)]
    [TestCase("POST", "/throw", "/error/slave", false, true)]
    [TestCase("POST", "/mvc/throw", "/error/slave", false, true)]
    [TestCase("GET", "/mvc/missing", "/status/master", true, false)]
    [Promise(1), Promise(2), Promise(3)]
    public async Task The_second_run_is_decided_for_its_own_endpoint(string verb, string path, string page, bool firstOnSlave, bool secondOnSlave)
    {
        using var response = await Send(verb, path, page);
        Assert.That((int)response.StatusCode, Is.EqualTo(page.StartsWith("/status", StringComparison.Ordinal) ? 404 : 500), () => $"{_app.Log.LastException}");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("the page"), () => $"{_app.Log.LastException}");
        Assert.That(Places.Select(p => p.InRecovery), Is.EqualTo(new[] { firstOnSlave, secondOnSlave }));
    }

    [TestCase("/broken", Description = "after a statement that failed")]
    [TestCase("/add-and-throw", Description = "after a statement that worked")]
    [TestCase("/mvc/broken")]
    [TestCase("/mvc/add-and-throw")]
    [Promise(9)]
    public async Task A_failed_request_is_rolled_back_and_its_error_page_can_read(string path)
    {
        var id = Guid.NewGuid();
        using var response = await Send("POST", $"{path}/{id}", "/error");
        Assert.That((int)response.StatusCode, Is.EqualTo(500), () => $"{_app.Log.LastException}");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("the page"), () => $"{_app.Log.LastException}");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [TestCase("/add-and-throw")]
    [TestCase("/mvc/add-and-throw")]
    [Promise(9)]
    public async Task An_exception_is_rolled_back_also_where_its_error_page_says_400(string path)
    {
        var id = Guid.NewGuid();
        using var response = await Send("POST", $"{path}/{id}", "/error/400");
        Assert.That((int)response.StatusCode, Is.EqualTo(400), () => $"{_app.Log.LastException}");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [TestCase("/missing", "/status/scoped")]
    [TestCase("/throw", "/error/scoped")]
    [Promise(9)]
    public async Task A_service_of_the_first_run_works_or_says_what_to_set(string path, string page)
    {
        using var response = await Send("GET", path, page);
        if (scopeInside && !newContainerScope)
        {
            Assert.That((int)response.StatusCode, Is.EqualTo(500));
            Assert.That(_app.Log.Entries.Select(e => e.Exception?.Message ?? ""), Has.Some.Contains("CreateScopeForErrors = true"));
        }
        else
        {
            Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("the page"), () => $"{_app.Log.LastException}");
        }
    }

    private async Task<HttpResponseMessage> Send(string verb, string path, string page)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        request.Headers.Add("Page", page);
        return await _app.Client.SendAsync(request);
    }

    private void Errors(WebApplication app)
    {
        app.UseStatusCodePagesWithReExecute("/again", queryFormat: null, createScopeForStatusCodePages: newContainerScope);
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandlingPath = "/again", CreateScopeForErrors = newContainerScope });
        // Which page executes again is chosen by a header, so that one application has them all.
        app.Use((HttpContext context, RequestDelegate next) =>
        {
            context.Request.Path = context.Request.Path == "/again" ? context.Request.Headers["Page"].ToString() : context.Request.Path;
            return next(context);
        });
        app.UseRouting();
    }

    private static void Map(WebApplication app)
    {
        app.MapMethods("/missing", ["GET", "POST"], Missing);
        app.MapGet("/missing/master", Missing).UseMaster();
        app.MapMethods("/throw", ["GET", "POST"], Throw);
        app.MapGet("/throw/master", Throw).UseMaster();
        app.MapPost("/broken/{id:guid}", (Guid id, IBoard board) => Broken(id, board));
        app.MapPost("/add-and-throw/{id:guid}", (Guid id, IBoard board) => AddAndThrow(id, board));
        app.MapControllers();
        foreach (var page in new[] { "/status", "/error" })
        {
            app.Map(page, Page);
            app.Map(page + "/master", Page).UseMaster();
            app.Map(page + "/slave", Page).UseSlave();
            app.Map(page + "/scoped", async (IBoard board) =>
            {
                await board.WhereAsync();
                return "the page";
            });
        }

        app.Map("/error/400", (HttpContext context) =>
        {
            context.Response.StatusCode = 400;
            return "the page";
        });
    }

    private static async Task<IResult> Missing(IBoard board)
    {
        Places.Add(await board.WhereAsync());
        return Results.NotFound();
    }

    private static async Task Throw(IBoard board)
    {
        Places.Add(await board.WhereAsync());
        throw new InvalidOperationException("on purpose");
    }

    private static async Task<string> Page([FromKeyedServices(FreshBoard.Key)] IBoard board)
    {
        Places.Add(await board.WhereAsync());
        return "the page";
    }

    private static async Task Broken(Guid id, IBoard board)
    {
        await board.AddAsync(id);
        await board.ExecuteAsync("insert into no_such_table values (1)");
    }

    private static async Task AddAndThrow(Guid id, IBoard board)
    {
        await board.AddAsync(id);
        await board.WhereAsync();
        throw new InvalidOperationException("on purpose");
    }

    [Route("mvc")]
    private sealed class FailingController(IBoard board) : ControllerBase
    {
        [HttpPost("throw")]
        public Task ThrowAction() => Throw(board);

        [HttpGet("missing")]
        public async Task<IActionResult> MissingAction()
        {
            Places.Add(await board.WhereAsync());
            return new StatusCodeResult(404);
        }

        [HttpPost("broken/{id:guid}")]
        public Task BrokenAction(Guid id) => Broken(id, board);

        [HttpPost("add-and-throw/{id:guid}")]
        public Task AddAndThrowAction(Guid id) => AddAndThrow(id, board);
    }
}
