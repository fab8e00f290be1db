using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>An action, or a page handler, that threw is rolled back, whoever made an answer of its exception.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class MvcFailureTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app =>
        {
            app.Use(async (HttpContext context, RequestDelegate next) =>
            {
                try
                {
                    await next(context);
                }
                catch (InvalidOperationException) when (context.Request.Query.ContainsKey("caught"))
                {
                    context.Response.StatusCode = 200;
                    await context.Response.WriteAsync("made an answer");
                }
            });
            app.MapControllers();
            app.MapRazorPages();
        },
        build: builder =>
        {
            builder.Services.AddRazorPages(o => o.Conventions.AddPageApplicationModelConvention(
                "/Throwing", model => model.Filters.Add(new MakeAnAnswerAttribute())));
            builder.Services.AddControllers().With(
                new TypesPart([typeof(ThrowingController)]),
                new CompiledPart(new CompiledItem("/Pages/Throwing.cshtml", typeof(WherePage<ThrowingModel>))));
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("plain", 500)]
    [TestCase("plain", 200, "?caught", Description = "a middleware")]
    [TestCase("exception-filter", 200)]
    [TestCase("handled", 200, Description = "an action filter with ExceptionHandled")]
    [TestCase("forgotten", 200, Description = "an action filter that sets Exception to null")]
    [TestCase("result-too", 200, Description = "an action filter that replaces the result")]
    public async Task An_action_that_threw_is_rolled_back(string action, int status, string query = "")
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/throwing/{action}/{id}{query}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(status), () => $"{_app.Log.LastException}");
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(status == 200 ? "made an answer" : ""));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task A_page_handler_that_threw_is_rolled_back()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PutAsync($"/Throwing?id={id}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), () => $"{_app.Log.LastException}");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task A_page_handler_that_returned_is_committed_before_its_view()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PatchAsync($"/Throwing?id={id}", content: null);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("True"), () => $"{_app.Log.LastException}");
    }

    private static async Task AddAndThrow(IBoard board, Guid id)
    {
        await board.AddAsync(id);
        await board.WhereAsync();
        throw new InvalidOperationException("on purpose");
    }

    [Route("throwing")]
    private sealed class ThrowingController(IBoard board) : ControllerBase
    {
        [HttpPost("plain/{id:guid}")]
        public Task Plain(Guid id) => AddAndThrow(board, id);

        [HttpPost("exception-filter/{id:guid}"), MakeAnAnswer]
        public Task ExceptionFilter(Guid id) => AddAndThrow(board, id);

        [HttpPost("handled/{id:guid}"), Handle("handled")]
        public Task Handled(Guid id) => AddAndThrow(board, id);

        [HttpPost("forgotten/{id:guid}"), Handle("forgotten")]
        public Task Forgotten(Guid id) => AddAndThrow(board, id);

        [HttpPost("result-too/{id:guid}"), Handle("forgotten"), Handle("handled")]
        public Task ResultToo(Guid id) => AddAndThrow(board, id);
    }

    private sealed class ThrowingModel(IBoard board) : WhereModel(board)
    {
        private readonly IBoard _board = board;

        public Task OnPutAsync(Guid id) => AddAndThrow(_board, id);

        public async Task<IActionResult> OnPatchAsync(Guid id)
        {
            await _board.AddAsync(id);
            return new LookingResult(id);
        }
    }

    private sealed class LookingResult(Guid id) : IActionResult
    {
        public async Task ExecuteResultAsync(ActionContext context) =>
            await context.HttpContext.Response.WriteAsync($"{await SharedCluster.IsOnMaster(id)}");
    }

    private sealed class MakeAnAnswerAttribute : ExceptionFilterAttribute
    {
        public override void OnException(ExceptionContext context) => context.Result = new ContentResult { Content = "made an answer" };
    }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    private sealed class HandleAttribute(string how) : ActionFilterAttribute
    {
        public override void OnActionExecuted(ActionExecutedContext context)
        {
            context.Result = new ContentResult { Content = "made an answer" };
            if (how == "handled")
            {
                context.ExceptionHandled = true;
            }
            else
            {
                context.Exception = null;
            }
        }
    }
}
