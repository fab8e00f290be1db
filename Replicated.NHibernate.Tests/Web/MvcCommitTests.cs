using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>MVC: the commit comes after the action and its filters, and before the result is executed.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class MvcCommitTests(UnitOfWork unit)
{
    private const string CommitFailed = "the commit failed";
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await FailingCommit.CreateTable();
        _app = await TestApp.StartAsync(
            builder => unit.Register(builder.Services),
            app =>
            {
                app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = AnswerTheError });
                app.UseRouting();
                app.UseReplicatedSessions();
                app.MapControllers();
            },
            build: builder => builder.AddTheseControllers(typeof(CommitController)));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task The_result_is_executed_after_the_commit()
    {
        var (status, body) = await Post("looking", Guid.NewGuid());
        Assert.That((status, body), Is.EqualTo((200, "True")));
    }

    [Test]
    public async Task What_a_filter_writes_after_the_action_is_committed_too()
    {
        var id = Guid.NewGuid();
        var (status, body) = await Post("filtered", id);
        Assert.That((status, body), Is.EqualTo((200, "True")));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task A_commit_that_fails_is_an_error_which_the_exception_handler_sees(
        [Values("ok", "view", "json", "file", "empty", "redirect", "not-found", "iresult", "text-before")] string result)
    {
        var id = Guid.NewGuid();
        Assert.That(await Post($"failing/{result}", id), Is.EqualTo((500, CommitFailed)));
        Assert.That(await FailingCommit.OrphanIsOnMaster(id), Is.False);
    }

    [Test]
    public async Task An_exception_filter_may_answer_a_commit_that_failed_with_an_error_but_not_with_a_success([Values(409, 200)] int status)
    {
        var id = Guid.NewGuid();
        Assert.That(await Post($"answered/{status}", id), Is.EqualTo(status == 409 ? (409, "answered") : (500, CommitFailed)));
        Assert.That(await FailingCommit.OrphanIsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Results_below_500_are_committed([Values("ok", "empty", "redirect", "not-found", "bad-request", "forbidden-status", "iresult", "iresult-404", "text-before")] string result)
    {
        var id = Guid.NewGuid();
        var (status, _) = await Post($"adding/{result}", id);
        Assert.That(status, Is.LessThan(500), () => $"{_app.Log.LastException}");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task Results_of_500_and_above_are_rolled_back(
        [Values("500", "500-object", "503-problem", "503-problem-object", "500-on-the-response", "iresult-500", "iresult-503-union")] string result)
    {
        var id = Guid.NewGuid();
        var (status, _) = await Post($"adding/{result}", id);
        Assert.That(status, Is.GreaterThanOrEqualTo(500));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task What_was_written_without_a_flush_before_the_result_comes_first()
    {
        var (_, body) = await Post("adding/text-before", Guid.NewGuid());
        Assert.That(body, Is.EqualTo("before after"));
    }

    [Test]
    public async Task A_result_that_throws_after_the_commit_stays_committed([Values("throwing", "throwing-json", "throwing-view")] string result)
    {
        var id = Guid.NewGuid();
        var (status, _) = await Post($"adding/{result}", id);
        Assert.That(status, Is.EqualTo(500));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task An_ordinary_rollback_is_not_called_a_change_after_the_commit()
    {
        await Post("adding/500", Guid.NewGuid());
        Assert.That(_app.Log.Messages(6), Is.Empty);
    }

    private static Task AnswerTheError(HttpContext context)
    {
        var error = context.Features.Get<IExceptionHandlerFeature>()!.Error;
        return context.Response.WriteAsync(FailingCommit.Is(error) ? CommitFailed : error.ToString());
    }

    private async Task<(int Status, string Body)> Post(string path, Guid id)
    {
        using var response = await _app.Client.PostAsync($"/commit/{path}/{id}", content: null);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    [Route("commit")]
    private sealed class CommitController(IBoard board) : Controller
    {
        [HttpPost("looking/{id:guid}")]
        public async Task<IActionResult> Looking(Guid id)
        {
            await board.AddAsync(id);
            return new LookingResult(id);
        }

        [HttpPost("filtered/{id:guid}"), AddAfterwards]
        public IActionResult Filtered(Guid id) => new LookingResult(id);

        [HttpPost("failing/{result}/{id:guid}")]
        public async Task<object?> Failing(string result, Guid id)
        {
            await board.AddOrphan(id);
            return Result(result);
        }

        [HttpPost("answered/{status:int}/{id:guid}"), AnswerWith]
        public async Task<string> Answered(int status, Guid id)
        {
            await board.AddOrphan(id);
            return $"done {status}";
        }

        [HttpPost("adding/{result}/{id:guid}")]
        public async Task<object?> Adding(string result, Guid id)
        {
            await board.AddAsync(id);
            return Result(result);
        }

        private object? Result(string result)
        {
            switch (result)
            {
                case "500-on-the-response":
                    Response.StatusCode = 500;
                    return new EmptyResult();
                case "text-before":
                    "before "u8.CopyTo(Response.BodyWriter.GetSpan(7));
                    Response.BodyWriter.Advance(7);
                    return new WritingResult("after");
            }

            return result switch
            {
                "ok" => Ok("done"),
                "view" => View("/Views/Missing.cshtml"),
                "json" => Json("done"),
                "file" => File("done"u8.ToArray(), "text/plain"),
                "empty" => new EmptyResult(),
                "redirect" => Redirect("/somewhere"),
                "not-found" => NotFound(),
                "bad-request" => BadRequest("bad"),
                "forbidden-status" => StatusCode(403),
                "iresult" => Results.Text("done"),
                "iresult-404" => Results.NotFound(),
                "500" => StatusCode(500),
                "500-object" => StatusCode(500, "done"),
                "503-problem" => Problem(statusCode: 503),
                "503-problem-object" => new ObjectResult(new ProblemDetails { Status = 503 }),
                "iresult-500" => Results.StatusCode(500),
                "iresult-503-union" => (Microsoft.AspNetCore.Http.HttpResults.Results<Microsoft.AspNetCore.Http.HttpResults.Ok, Microsoft.AspNetCore.Http.HttpResults.StatusCodeHttpResult>)TypedResults.StatusCode(503),
                "throwing" => new ThrowingResult(),
                "throwing-json" => Json(new Throwing()),
                "throwing-view" => View("/Views/Missing.cshtml"),
                _ => throw new ArgumentException(result, nameof(result)),
            };
        }
    }

    private sealed class LookingResult(Guid id) : IActionResult
    {
        public async Task ExecuteResultAsync(ActionContext context) =>
            await context.HttpContext.Response.WriteAsync($"{await SharedCluster.IsOnMaster(id)}");
    }

    private sealed class WritingResult(string text) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => context.HttpContext.Response.WriteAsync(text);
    }

    private sealed class ThrowingResult : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => throw new InvalidOperationException("on purpose");
    }

    private sealed class Throwing
    {
        public string Property => throw new InvalidOperationException("on purpose");
    }

    private sealed class AddAfterwardsAttribute : ActionFilterAttribute
    {
        public override async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
        {
            await next();
            await context.HttpContext.RequestServices.GetRequiredService<IBoard>().AddAsync((Guid)context.ActionArguments["id"]!);
        }
    }

    private sealed class AnswerWithAttribute : ExceptionFilterAttribute
    {
        public override void OnException(ExceptionContext context) =>
            context.Result = new ContentResult { Content = "answered", StatusCode = int.Parse((string)context.RouteData.Values["status"]!) };
    }
}
