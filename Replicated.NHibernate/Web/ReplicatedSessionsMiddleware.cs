using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Web.Status;

namespace Replicated.NHibernate.Web;

/// <summary>A scope for each request: begins it, brings it to its commit point where nothing else did, and ends it whatever happened.</summary>
internal sealed class ReplicatedSessionsMiddleware(RequestDelegate next, RequestScopes shared)
{
    private const int RetryAfterSeconds = 2;

    public Task Invoke(HttpContext context)
    {
        // A hub connection's request lasts as long as the client stays; the hub filter gives each invocation a scope.
        return context.GetEndpoint()?.Metadata is { } metadata && (metadata.GetMetadata<HubMetadata>() is not null || metadata.GetMetadata<UnroutedEndpoint>() is not null)
            ? next(context)
            : InScope(context);
    }

    private async Task InScope(HttpContext context)
    {
        var routedBefore = context.GetEndpoint() is not null;
        var request = new RequestScope(shared, context);
        request.Scope.Enter();
        context.RequestServices.GetRequiredService<ContainerScope>().Attach(request.Scope);
        request.InstallBodyFeature();
        request.CommitBeforeUpgrade();
        WatchedEndpoint.Watch(context);
        if (shared.Services.Settings.Value.RouteHeader)
        {
            request.TellRoute();
        }

        try
        {
            await next(context);
            await request.Open();
            await request.Scope.CompleteAfterReading();
        }
        catch (Exception e) when (!context.Response.HasStarted && Unavailable(e) is not null)
        {
            await request.Abandon();
            shared.Services.Logger.NoServerForRequest(request.Work.ToString(), Unavailable(e)!.Message);
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e)
        {
            await request.Abandon();
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

    // NHibernate wraps what is thrown while it asks for a connection.
    private static Exception? Unavailable(Exception? exception)
    {
        while (exception is not null and not SlavesUnavailableException and not MasterUnavailableException)
        {
            exception = exception.InnerException;
        }

        return exception;
    }
}
