using FluentNHibernate.Cfg;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using NHibernate;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Registration;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Settings;
using Configuration = NHibernate.Cfg.Configuration;

namespace Replicated.NHibernate;

/// <summary>Registers routed NHibernate sessions.</summary>
public static class ReplicatedNHibernateServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="ISession"/>, <see cref="IStatelessSession"/> and <c>DbConnection</c>, routed to the master or a slave,
    /// <see cref="ISessionFactory"/> (the master's), <see cref="ReplicatedSessionFactories"/> and <see cref="IReplicatedSessions"/>.
    /// The master is <c>ConnectionStrings:Master</c> or the connection string that the NHibernate configuration has; the slaves are
    /// <c>ConnectionStrings:Slave</c> and those in <c>Replicated:Slaves</c>; none at all sends everything to the master.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">
    /// Makes the NHibernate configuration. Called once: both factories are built from its mappings, at the same time. Called once for each role, and must make a
    /// new configuration each time, where its class derives from <see cref="Configuration"/> or a listener is initialized or disposed with its factory.
    /// </param>
    /// <param name="options">Changes the options that the section <c>Replicated</c> gave.</param>
    /// <returns>A builder, for what all sessions and connections have in common.</returns>
    /// <exception cref="InvalidOperationException">Something of this library is registered already.</exception>
    public static IReplicatedNHibernateBuilder AddReplicatedNHibernate(
        this IServiceCollection services, Func<FluentConfiguration> configure, Action<ReplicatedOptions>? options = null)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddReplicatedNHibernate(configure.Plain(), options);
    }

    /// <summary>Like the overload for FluentNHibernate, for a <see cref="Configuration"/>, such as <c>new Configuration().Configure()</c>.</summary>
    /// <inheritdoc cref="AddReplicatedNHibernate(IServiceCollection, Func{FluentConfiguration}, Action{ReplicatedOptions})" />
    public static IReplicatedNHibernateBuilder AddReplicatedNHibernate(
        this IServiceCollection services, Func<Configuration> configure, Action<ReplicatedOptions>? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddReplicatedCore(options);
        services.AddSingleton(sp => new FactoryBuilder(configure, sp.GetService<IConfiguration>()));
        services.AddSingleton<IApplicationConnectionStrings>(sp => sp.GetRequiredService<FactoryBuilder>());
        return services.AddFactories(sp =>
        {
            var (master, slave) = sp.GetRequiredService<NodeList>().ConnectionStrings(sp.GetRequiredService<OptionsSnapshot>().Value.Options);
            return sp.GetRequiredService<FactoryBuilder>().Build(master, slave);
        });
    }

    /// <summary>
    /// Like the other overloads, for two factories that the application built alone, each from a configuration on which
    /// <c>UseReplicated(role)</c> was called. They stay the application's to close.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="master">The master's factory.</param>
    /// <param name="slave">The slaves' factory. Its own connection string is the slave where the configuration names none.</param>
    /// <param name="options">Changes the options that the section <c>Replicated</c> gave.</param>
    /// <returns>A builder, for what all sessions and connections have in common.</returns>
    /// <exception cref="InvalidOperationException">Something of this library is registered already.</exception>
    /// <exception cref="global::NHibernate.Cfg.HibernateConfigException">A factory was built without the hook, or the two were exchanged.</exception>
    public static IReplicatedNHibernateBuilder AddReplicatedNHibernate(
        this IServiceCollection services, ISessionFactory master, ISessionFactory slave, Action<ReplicatedOptions>? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(master);
        ArgumentNullException.ThrowIfNull(slave);
        var factories = new ReplicatedSessionFactories(master, slave, owned: false);
        services.AddReplicatedCore(options);
        services.AddSingleton<IApplicationConnectionStrings>(new SuppliedFactories(factories));
        if (ReferenceEquals(master, slave))
        {
            services.AddSingleton(new RegistrationWarning(
                "AddReplicatedNHibernate was given one session factory for both roles: sessions of the slave role are opened on the master's, with its caches, and no guard of its own. Build a second factory with UseReplicated(DatabaseRole.Slave)."));
        }

        return services.AddFactories(_ => factories);
    }

    private static ReplicatedNHibernateBuilder AddFactories(this IServiceCollection services, Func<IServiceProvider, ReplicatedSessionFactories> create)
    {
        services.AddSingleton(sp =>
        {
            var factories = create(sp);
            factories.Attach(
                sp.GetService<IScopeDiagnosis>(),
                sp.GetRequiredService<OptionsSnapshot>().Value.Options.ReadOnlySwitch,
                new SessionHooks(sp.GetServices<SessionOpeningHandler>(), sp.GetServices<SessionOpenedHandler>(), sp.GetServices<StatelessSessionOpenedHandler>()));
            if (factories.AreCached && sp.GetServices<ConnectionOpenedHandler>().Any())
            {
                sp.GetRequiredService<Microsoft.Extensions.Logging.ILoggerFactory>().CreateLogger(Log.Category).RegistrationDoubtful(
                    "OnConnectionOpened is registered and the second-level or query cache is on: the cache's keys do not know what is set on a connection, so what was read for one tenant is given to another. Switch the caches off, or cache only what all tenants share.");
            }

            return factories;
        });
        services.AddSingleton(sp => sp.GetRequiredService<ReplicatedSessionFactories>().MasterProvider.Database);
        services.TryAddSingleton(sp => sp.GetRequiredService<ReplicatedSessionFactories>().Master);
        // Transient, because what is current may change within a container scope; the scope, not the container, says which one it is.
        services.TryAddTransient(sp => sp.GetContainerScope()
            .GetUnit(sp.GetRequiredService<ReplicatedSessionFactories>(), ReplicatedSessionContext.NewUnit).Session);
        services.TryAddTransient(sp => sp.GetContainerScope()
            .GetUnit(sp.GetRequiredService<ReplicatedSessionFactories>(), ReplicatedSessionContext.NewStatelessUnit).Session);
        services.AddSingleton<IClosedSessionDetector, ClosedSessionDetector>();
        return new ReplicatedNHibernateBuilder(services);
    }

    private sealed record ReplicatedNHibernateBuilder(IServiceCollection Services) : IReplicatedNHibernateBuilder;
}
