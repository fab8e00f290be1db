using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Web.Status;

namespace Replicated.NHibernate.Web;

internal static class WebRegistration
{
    public static void AddReplicatedWeb(this IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.TryAddSingleton<IScopeDiagnosis, RequestDiagnosis>();
        services.TryAddSingleton<RequestScopes>();
        services.TryAddSingleton<WebMarker>();
        services.AddSingleton(new IdleAttributes(services));
        services.TryAddEnumerable(ServiceDescriptor.Transient<IStartupFilter, UnhandledExceptionFilter>());
        services.TryAddSingleton<StatusCounters>();
        services.TryAddSingleton<StatusHistory>();
        services.TryAddSingleton<StatusReader>();
        services.TryAddSingleton<StatusFeed>();
        services.Configure<MvcOptions>(static options =>
        {
            options.Filters.Add(new ReplicatedActionFilter());
            options.Filters.Add(new ActionFailureFilter());
        });
        services.Configure<HubOptions>(static options => options.AddFilter<ReplicatedHubFilter>());
    }
}

/// <summary>Says that the services are there, without creating them.</summary>
internal sealed class WebMarker;
