using System.Data.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Settings;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate.Registration;

/// <summary>What every way of registering the library has in common.</summary>
internal static class CoreRegistration
{
    public static void AddReplicatedCore(this IServiceCollection services, Action<ReplicatedOptions>? configure)
    {
        if (services.Any(s => s.ServiceType == typeof(ScopeServices)))
        {
            throw new InvalidOperationException(
                "Replicated.NHibernate is registered already. Call AddReplicatedNHibernate or AddReplicatedConnections once: the first registers routed connections too.");
        }

        services.AddReplicatedSettings();
        services.AddSingleton(sp => new NodeList(sp.GetService<IConfiguration>(), sp.GetService<IApplicationConnectionStrings>(), sp.GetServices<ILoadBalancingPolicy>(), resets: sp.GetServices<ConnectionOpenedHandler>().Any()));
        services.AddSingleton<IValidateOptions<ReplicatedOptions>>(sp => sp.GetRequiredService<NodeList>());
        services.AddMetrics();
        services.AddSingleton<ReplicatedMetrics>();
        services.AddSingleton<NodeRegistry>();
        services.AddSingleton<NodeQuestions>();
        services.AddSingleton<NodePool>();
        services.AddSingleton<TokenValidator>();
        services.AddSingleton<ScopeServices>();
        services.AddSingleton<IReplicatedSessions>(sp => new ReplicatedSessions(sp.GetRequiredService<ScopeServices>(), sp.GetService<IScopeDiagnosis>()));
        services.AddSingleton(sp => new RootProvider(sp));
        services.AddScoped(sp => new ContainerScope(sp.GetRequiredService<ScopeServices>(), sp, sp.GetService<IScopeDiagnosis>()));
        // Transient, because what is current may change within a container scope; the scope, not the container, says which one it is.
        services.TryAddTransient<DbConnection>(sp => ConnectionUnit.Of(sp.GetContainerScope()).Connection);
        services.TryAddTransient<IReplicatedScope>(sp => sp.GetContainerScope().Lent);
        services.AddReplicatedWeb();
        services.AddSingleton(sp => new StartUpWarnings(services, sp));
        services.AddHostedService<NodesAtStart>();
        services.AddHostedService<Prober>();
        if (configure is not null)
        {
            services.Configure(configure);
        }
    }
}

// Servers are read and factories built when the application starts, so that what is wrong is a start-up error and no request pays for it.
// Not by ValidateOnStart: the monitor that it creates throws at whoever reloads the configuration with a mistake in it.
internal sealed class NodesAtStart(IServiceProvider services) : IHostedLifecycleService
{
    // Before any hosted service starts.
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        services.GetRequiredService<ScopeServices>();
        services.GetRequiredService<StartUpWarnings>().Say();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
