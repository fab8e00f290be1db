using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>A scope for each request: begins it, brings it to its commit point where nothing else did, and ends it whatever happened.</summary>
internal sealed class ReplicatedSessionsMiddleware(RequestDelegate next, RequestScopes shared)
{
    public const string RouteHeader = "Replicated-Route";
    private const int RetryAfterSeconds = 2;

    public Task Invoke(HttpContext context)
    {
        // A hub connection's request lasts as long as the client stays; the hub filter gives each invocation a scope.
        return context.GetEndpoint()?.Metadata.GetMetadata<HubMetadata>() is not null ? next(context) : InScope(context);
    }

    private async Task InScope(HttpContext context)
    {
        var routedBefore = context.GetEndpoint() is not null;
        var request = new RequestScope(shared, context);
        request.Scope.Enter();
        context.RequestServices.GetRequiredService<ContainerScope>().Attach(request.Scope);
        request.TakePlace();
        if (shared.Services.Settings.Value.RouteHeader)
        {
            context.Response.OnStarting(static state => SetRouteHeader((RequestScope)state), request);
        }

        try
        {
            await next(context);
            await request.Open();
        }
        catch (Exception e) when (!context.Response.HasStarted && Unavailable(e) is not null)
        {
            request.NoteFailure();
            // Not opened: what the endpoint had begun to write is not part of this answer.
            await request.Scope.Rollback(async: true);
            shared.Services.Logger.NoSlaveForRequest(request.Work.ToString(), Unavailable(e)!.Message);
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e)
        {
            request.NoteFailure();
            await request.Scope.Rollback(async: true);
            throw shared.IsClosedSession(e) ? ScopeErrors.ClosedSession(request.Work, e) : e.Rethrown();
        }
        finally
        {
            if (!routedBefore && context.GetEndpoint() is not null)
            {
                shared.SayPlacedBeforeRouting();
            }

            request.GivePlaceBack();
            await request.End();
        }
    }

    // NHibernate wraps what goes wrong while a query connects.
    private static SlavesUnavailableException? Unavailable(Exception e) =>
        e as SlavesUnavailableException ?? (e.InnerException is { } inner ? Unavailable(inner) : null);

    private static Task SetRouteHeader(RequestScope request)
    {
        request.SetHeader(RouteHeader);
        return Task.CompletedTask;
    }
}
