using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.Infrastructure;

namespace Replicated.NHibernate.Web;

/// <summary>
/// The commit point of MVC actions and Razor pages: after the action and every other filter, before the result is executed. A commit that
/// fails is an exception like one from the action.
/// </summary>
internal sealed class ReplicatedActionFilter : IAsyncActionFilter, IAsyncPageFilter, IOrderedFilter
{
    // Outermost: what other filters write is committed too.
    public int Order => int.MinValue;

    public async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
    {
        // Decided here at the latest, so that a wrong decision shows even where no session is used.
        RequestScope.Of(context.HttpContext)?.Decide(block: null);
        var executed = await next();
        await Complete(executed.Exception, executed.Result, executed);
    }

    public Task OnPageHandlerSelectionAsync(PageHandlerSelectedContext context) => Task.CompletedTask;

    public async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        RequestScope.Of(context.HttpContext)?.Decide(block: null);
        var executed = await next();
        await Complete(executed.Exception, executed.Result, executed);
    }

    private static async ValueTask Complete(Exception? exception, IActionResult? result, FilterContext context)
    {
        if (RequestScope.Of(context.HttpContext) is not { } request)
        {
            return;
        }

        if (exception is not null)
        {
            request.NoteFailure();
        }

        // An IResult keeps the status that it will set to itself: it commits with its first byte, like other endpoints'.
        if (exception is not null || result?.GetType().Name != "HttpActionResult")
        {
            await request.Complete(StatusOf(result) ?? context.HttpContext.Response.StatusCode, async: true);
        }
    }

    private static int? StatusOf(IActionResult? result) => result switch
    {
        ObjectResult { StatusCode: null, Value: ProblemDetails problem } => problem.Status,
        IStatusCodeActionResult action => action.StatusCode,
        _ => null,
    };
}

/// <summary>
/// Innermost: sees that the action threw even where a filter further out makes a result of it and forgets the exception. Not asynchronous,
/// because MVC then needs no further tasks for an action that waits.
/// </summary>
internal sealed class ActionFailureFilter : IActionFilter, IPageFilter, IOrderedFilter
{
    public int Order => int.MaxValue;

    public void OnActionExecuting(ActionExecutingContext context)
    {
    }

    public void OnActionExecuted(ActionExecutedContext context) => Note(context.Exception, context.HttpContext);

    public void OnPageHandlerSelected(PageHandlerSelectedContext context)
    {
    }

    public void OnPageHandlerExecuting(PageHandlerExecutingContext context)
    {
    }

    public void OnPageHandlerExecuted(PageHandlerExecutedContext context) => Note(context.Exception, context.HttpContext);

    private static void Note(Exception? exception, HttpContext context)
    {
        if (exception is not null)
        {
            RequestScope.Of(context)?.NoteFailure();
        }
    }
}
