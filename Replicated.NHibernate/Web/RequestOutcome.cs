using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>The one place that decides whether a request's work is committed or rolled back, by what its answer says.</summary>
internal static class RequestOutcome
{
    /// <param name="context">The request.</param>
    /// <param name="status">The status of the answer, which the response need not have yet.</param>
    /// <param name="threw">Whether the action threw, whatever a filter made of it.</param>
    /// <param name="rollBackFrom">The lowest status that rolls back.</param>
    public static bool IsCommitted(HttpContext context, int status, bool threw, int rollBackFrom) =>
        !threw && status < rollBackFrom && !(GrpcCall.Is(context) && GrpcCall.HasFailed(context));

    /// <summary>Whether an answer stands although its transaction could not be committed: where a statement had failed, and the answer says that something did.</summary>
    public static bool Stands(int status) => status >= StatusCodes.Status400BadRequest;

    /// <summary>Whether the client hears of a failure by the answer as it stands.</summary>
    public static bool TellsFailure(HttpContext context) =>
        Stands(context.Response.StatusCode) || (GrpcCall.Is(context) && GrpcCall.HasToldFailure(context));

    /// <summary>Of an answer that the application broke off: no success, unless its work is committed already.</summary>
    public static void Fail(HttpContext context, bool isCommitted)
    {
        if (!isCommitted && !context.Response.HasStarted)
        {
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    /// <summary>A failed commit is no success, and no redirect to one, also where something handles its exception.</summary>
    public static void RefuseSuccess(HttpContext context)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.OnStarting(
                static state =>
                {
                    var context = (HttpContext)state;
                    if (!TellsFailure(context))
                    {
                        context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                        context.Response.Headers.Remove("Location");
                    }

                    return Task.CompletedTask;
                },
                context);
        }
    }
}
