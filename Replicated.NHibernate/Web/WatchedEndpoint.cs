using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Routing;

namespace Replicated.NHibernate.Web;

/// <summary>
/// Sees what leaves an endpoint's delegate, where a middleware between it and the scope makes an answer of the exception. MVC's filters see it for actions and pages. Thread-safe;
/// one for each endpoint.
/// </summary>
internal static class WatchedEndpoint
{
    private static readonly ConditionalWeakTable<Endpoint, Endpoint> Known = new();

    public static void Watch(HttpContext context)
    {
        if (context.GetEndpoint() is { RequestDelegate: not null } endpoint)
        {
            var watched = Known.TryGetValue(endpoint, out var known) ? known : Known.GetValue(endpoint, Wrapped);
            if (!ReferenceEquals(watched, endpoint))
            {
                context.SetEndpoint(watched);
            }
        }
    }

    // A type of the application's own could hold more than its copy would.
    private static Endpoint Wrapped(Endpoint endpoint)
    {
        var watch = new Delegated(endpoint.RequestDelegate!);
        return endpoint.Metadata.GetMetadata<ActionDescriptor>() is not null ? endpoint
            : endpoint.GetType() == typeof(RouteEndpoint) && endpoint is RouteEndpoint route
                ? new RouteEndpoint(watch.Run, route.RoutePattern, route.Order, route.Metadata, route.DisplayName)
            : endpoint.GetType() == typeof(Endpoint) ? new Endpoint(watch.Run, endpoint.Metadata, endpoint.DisplayName)
            : endpoint;
    }

    private sealed class Delegated(RequestDelegate inner)
    {
        public Task Run(HttpContext context)
        {
            Task running;
            try
            {
                running = inner(context);
            }
            catch
            {
                RequestScope.Of(context)?.NoteFailure();
                throw;
            }

            return running.IsCompletedSuccessfully ? running : Await(running, context);
        }

        private static async Task Await(Task running, HttpContext context)
        {
            try
            {
                await running;
            }
            catch
            {
                RequestScope.Of(context)?.NoteFailure();
                throw;
            }
        }
    }
}
