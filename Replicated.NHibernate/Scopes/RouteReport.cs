using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>Says which route a role took, to metric, trace and log.</summary>
internal static class RouteReport
{
    public static void Took(IRoleHost host, DatabaseRole role, string node, RouteReason reason)
    {
        var services = host.Services;
        services.Metrics.SessionOpened(role.Name(), node, reason.Name());
        host.Activity.Took(role.Name(), node, reason.Name());
        if (services.Logger.IsEnabled(LogLevel.Debug))
        {
            services.Logger.RouteTaken(host.Work.ToString(), role.Name(), node, reason.Name());
        }
    }
}
