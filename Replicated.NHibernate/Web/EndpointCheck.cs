using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Web;

/// <summary>Asks every endpoint for its role when the pipeline is built, so that a contradiction stops the start and not a request. Attributes that do nothing are named in the log.</summary>
internal static class EndpointCheck
{
    /// <exception cref="InvalidOperationException">Some endpoints ask for both roles, or have an attribute where it does nothing.</exception>
    public static void Run(IServiceProvider services)
    {
        var endpoints = services.GetService<EndpointDataSource>()?.Endpoints ?? [];
        string[] errors = [.. endpoints.SelectMany(Errors).Distinct(StringComparer.Ordinal)];
        if (errors.Length > 0)
        {
            throw new InvalidOperationException(string.Join(Environment.NewLine, errors));
        }

        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(Log.Category);
        foreach (var idle in services.GetRequiredService<IdleAttributes>().Find(endpoints))
        {
            logger.RegistrationDoubtful(idle);
        }
    }

    private static IEnumerable<string> Errors(Endpoint endpoint)
    {
        var errors = Try(() => EndpointRoles.Of(endpoint));
        if (endpoint.Metadata.GetMetadata<HubMetadata>() is { HubType: var hub })
        {
            errors = errors.Concat(hub.GetMethods(BindingFlags.Public | BindingFlags.Instance).SelectMany(m => Try(() => EndpointRoles.Of(m, hub, endpoint))));
        }

        // The endpoint is the page: nobody asks its handlers.
        var handlers = endpoint.Metadata.GetMetadata<CompiledPageActionDescriptor>()?.HandlerMethods ?? [];
        return errors.Concat(
            from handler in handlers
            let method = handler.MethodInfo
            where EndpointRoles.On(method).Length > 0 || EndpointSnapshots.Has(method) || EndpointRepeats.IsForbidden(method)
            select $"{method.DeclaringType?.Name}.{method.Name} has [UseMaster], [UseSlave], [UseSnapshot] or [NoRepeat], which does nothing on a page's handler. Put it on the page's model.");
    }

    private static IEnumerable<string> Try(Func<DatabaseRole?> ask)
    {
        try
        {
            ask();
            return [];
        }
        catch (InvalidOperationException e)
        {
            return [e.Message];
        }
    }
}
