using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Web;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Every kind of answer to a request that wrote carries its token: of MVC and minimal endpoints, redirects, and error pages that take an answer's place.</summary>
[TestFixtureSource(nameof(Cases))]
[Promise(10)]
internal sealed class TokenedAnswerTests(UnitOfWork unit, bool errorsInside)
{
    private TestApp _app = null!;

    /// <summary>Error handling within the scope, or around it as the README has it.</summary>
    public static IEnumerable<TestFixtureData> Cases =>
        from unit in UnitOfWork.All
        from inside in new[] { true, false }
        select new TestFixtureData(unit, inside);

    public static IEnumerable<string> Ways => WaysToAnswer.Names;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            if (!errorsInside)
            {
                Errors(app);
            }

            app.UseRouting();
            app.UseReplicatedSessions();
            if (errorsInside)
            {
                Errors(app);
            }

            app.MapControllers();
            app.MapPost("/way/{way}", async (string way, HttpContext context) =>
            {
                await Insert(context.RequestServices);
                await WaysToAnswer.Write(way, context);
            });
            app.MapPost("/error", async (HttpContext context) =>
            {
                if (context.Request.Query.ContainsKey("log"))
                {
                    // In a scope of its own, because what ends with a 500 is rolled back.
                    await using var scope = context.RequestServices.GetRequiredService<IReplicatedSessions>().BeginScope();
                    await Insert(context.RequestServices);
                    await scope.CommitAsync();
                }

                await context.Response.WriteAsync("the page");
            });
        },
        build: builder =>
        {
            builder.AddFreshBoard();
            builder.AddTheseControllers(typeof(PostsController));
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCaseSource(nameof(Ways))]
    public async Task Of_an_endpoint_that_is_not_MVCs(string way) => await MustBeTokened($"/way/{Uri.EscapeDataString(way)}", status: null);

    [TestCase("created", HttpStatusCode.Created)]
    [TestCase("redirect", HttpStatusCode.SeeOther)]
    [TestCase("empty", HttpStatusCode.NoContent)]
    [TestCase("refused", HttpStatusCode.UnprocessableEntity)]
    public async Task Of_an_MVC_action(string action, HttpStatusCode status) => await MustBeTokened($"/posts/{action}", status);

    [Test]
    public async Task Of_an_error_page_where_the_result_fails_behind_the_commit() =>
        await MustBeTokened("/posts/broken-view", HttpStatusCode.InternalServerError, "the page");

    [Test]
    public async Task Of_an_error_page_that_writes_as_well_the_later_one()
    {
        var token = await MustBeTokened("/posts/broken-view?log", HttpStatusCode.InternalServerError, "the page");
        Assert.That(token.Position!.Value.Offset, Is.GreaterThan(PostsController.EndOfLog), "The page wrote behind the action's commit.");
    }

    [Test]
    public async Task None_where_the_action_is_rolled_back()
    {
        using var response = await _app.Client.PostAsync("/posts/throws", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(response.Headers.Contains(TokenClient.Header) || response.Headers.Contains("Set-Cookie"), Is.False);
    }

    private async Task<ConsistencyToken> MustBeTokened(string path, HttpStatusCode? status, string? body = null)
    {
        var before = await SharedCluster.Master.EndOfLog();
        using var response = await _app.Client.PostAsync(path, content: null);
        var content = await response.Content.ReadAsStringAsync();
        Assert.That((response.StatusCode, content), Is.EqualTo((status ?? response.StatusCode, body ?? content)), () => $"{_app.Log.LastException}");
        var token = ConsistencyToken.Parse(response.Headers.GetValues(TokenClient.Header).Single());
        Assert.That(token.Position?.Offset, Is.GreaterThan(before));
        Assert.That(response.Headers.GetValues("Set-Cookie").Last(), Does.StartWith($"{TokenClient.CookieName}.{token.Position!.Value.Log:x}-{token.Position.Value.Offset:x}={token};"));
        return token;
    }

    private static void Errors(IApplicationBuilder app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandlingPath = "/error",
            SuppressDiagnosticsCallback = _ => true,
        });
        app.UseRouting();
    }

    private static Task Insert(IServiceProvider services) =>
        services.GetFreshBoard().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");

    [Route("posts")]
    private sealed class PostsController(IServiceProvider services) : ControllerBase
    {
        /// <summary>Behind the last commit whose result then failed.</summary>
        public static ulong EndOfLog { get; set; }

        [HttpPost("created")]
        public Task<IActionResult> Add() => Adding(() => Created("/somewhere", "a post"));

        [HttpPost("redirect")]
        public Task<IActionResult> AddAndRedirect() => Adding(() => new RedirectToSomewhere());

        [HttpPost("empty")]
        public Task<IActionResult> AddAndSayNothing() => Adding(NoContent);

        [HttpPost("refused")]
        public Task<IActionResult> AddAndRefuse() => Adding(() => UnprocessableEntity("no"));

        [HttpPost("broken-view")]
        public Task<IActionResult> AddAndFail() => Adding(() => new BrokenView());

        [HttpPost("throws")]
        public Task<IActionResult> AddAndThrow() => Adding(() => throw new InvalidOperationException("on purpose"));

        private async Task<IActionResult> Adding(Func<IActionResult> result)
        {
            await Insert(services);
            return result();
        }
    }

    private sealed class RedirectToSomewhere : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context)
        {
            (context.HttpContext.Response.StatusCode, context.HttpContext.Response.Headers.Location) = (StatusCodes.Status303SeeOther, "/somewhere");
            return Task.CompletedTask;
        }
    }

    private sealed class BrokenView : IActionResult
    {
        public async Task ExecuteResultAsync(ActionContext context)
        {
            PostsController.EndOfLog = await SharedCluster.Master.EndOfLog();
            throw new InvalidOperationException("on purpose");
        }
    }
}
