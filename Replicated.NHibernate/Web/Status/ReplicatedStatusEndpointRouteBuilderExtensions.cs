using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Replicated.NHibernate.Web;
using Replicated.NHibernate.Web.Status;

namespace Replicated.NHibernate;

/// <summary>Maps the page that shows the servers as this instance of the application sees them.</summary>
public static class ReplicatedStatusEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps a page that shows, live, the master and the slaves (read replicas), their states, the lag of the last five minutes and what the sessions got, and
    /// the same as JSON under <c>{pattern}.json</c>. What the page needs lies under <c>{pattern}/</c>: server-sent events, one style sheet, one script. It shows the names,
    /// hosts and ports of servers, never a connection string. Everybody who can reach it can read it, so say who may: <c>app.MapReplicatedStatus().RequireAuthorization("Operators")</c>.
    /// A request for it asks no database and begins no scope. Counting begins with this call; before it, the library counts nothing for the page.
    /// </summary>
    /// <param name="endpoints">The application, or a group of endpoints.</param>
    /// <param name="pattern">The page's path, without parameters and without a slash at the end.</param>
    /// <returns>The builder of all its endpoints: what is added applies to the page, the JSON and the events alike.</returns>
    /// <exception cref="ArgumentException">The pattern has no last segment to name the JSON after, or has parameters.</exception>
    /// <exception cref="InvalidOperationException">Nothing of the library is registered.</exception>
    public static IEndpointConventionBuilder MapReplicatedStatus(this IEndpointRouteBuilder endpoints, string pattern = "/replicated")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        if (pattern.Length == 0 || pattern.EndsWith('/') || pattern.AsSpan().IndexOfAny('{', '}', '*') >= 0)
        {
            throw new ArgumentException("The path must end in a name, such as \"/replicated\": the JSON has the same name with .json behind it.", nameof(pattern));
        }

        var services = endpoints.ServiceProvider;
        if (services.GetService<WebMarker>() is null)
        {
            throw new InvalidOperationException(
                "MapReplicatedStatus needs its services: call builder.Services.AddReplicatedNHibernate(…), or AddReplicatedConnections(…), before builder.Build().");
        }

        services.GetRequiredService<StatusCounters>().Start();
        // The servers are known once the application has started.
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(() => services.GetRequiredService<StatusHistory>().Start());

        var group = endpoints.MapGroup("");
        group.MapMethods(pattern, StatusEndpoints.Methods, StatusEndpoints.Page);
        group.MapMethods(pattern + ".json", StatusEndpoints.Methods, StatusEndpoints.Json);
        group.MapGet(pattern + "/events", StatusEndpoints.Events);
        group.MapMethods(pattern + "/status.css", StatusEndpoints.Methods, StatusAssets.Style);
        group.MapMethods(pattern + "/status.js", StatusEndpoints.Methods, StatusAssets.Script);
        group.WithMetadata(UnroutedEndpoint.Instance);
        return group;
    }
}
