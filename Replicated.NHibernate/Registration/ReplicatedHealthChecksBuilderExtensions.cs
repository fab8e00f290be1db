using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate;

/// <summary>Health checks.</summary>
public static class ReplicatedHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check of the master and the slaves, from what is known of them already: it asks no server. Healthy while every server can be used, degraded while the
    /// master still can, and <paramref name="failureStatus"/> where the master cannot: reads may go on then, writes do not.
    /// </summary>
    /// <param name="builder">The application's health checks.</param>
    /// <param name="name">The check's name; <c>replicated</c> where none is given.</param>
    /// <param name="failureStatus">What a lost master means; unhealthy where nothing is said.</param>
    /// <param name="tags">For filtering.</param>
    /// <returns>The builder.</returns>
    public static IHealthChecksBuilder AddReplicated(
        this IHealthChecksBuilder builder, string name = "replicated", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name, sp => new ReplicatedHealthCheck(sp.GetRequiredService<NodeRegistry>()), failureStatus, tags));
    }
}
