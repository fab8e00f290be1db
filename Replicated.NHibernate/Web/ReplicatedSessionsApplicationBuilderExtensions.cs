using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate;

/// <summary>Adds the scope of each request to the pipeline.</summary>
public static class ReplicatedSessionsApplicationBuilderExtensions
{
    /// <summary>
    /// Gives each request a scope: its sessions are routed, committed before the response and disposed at its end. Place it after
    /// <c>UseRouting</c> and before <c>UseAuthentication</c>, <c>UseAuthorization</c> and whatever else uses a session.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <returns>The application.</returns>
    /// <exception cref="InvalidOperationException">Nothing is registered, or, when the pipeline is built, an action asks for both roles.</exception>
    public static IApplicationBuilder UseReplicatedSessions(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        if (app.ApplicationServices.GetService<WebMarker>() is null)
        {
            throw new InvalidOperationException(
                "UseReplicatedSessions needs its services: call builder.Services.AddReplicatedNHibernate(…), or AddReplicatedConnections(…), before builder.Build().");
        }

        return app.Use(next =>
        {
            EndpointCheck.Run(app.ApplicationServices);
            return new ReplicatedSessionsMiddleware(next, app.ApplicationServices.GetRequiredService<RequestScopes>()).Invoke;
        });
    }
}
