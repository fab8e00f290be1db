using FluentNHibernate.Cfg;

namespace Replicated.NHibernate;

/// <summary>The configuration hook for FluentNHibernate.</summary>
public static class ReplicatedFluentExtensions
{
    /// <summary>
    /// Makes the factory that will be built from this configuration routable; see
    /// <see cref="ReplicatedConfigurationExtensions.UseReplicated(global::NHibernate.Cfg.Configuration, DatabaseRole)"/>. The last call before
    /// <c>BuildSessionFactory()</c>, because FluentNHibernate applies what is exposed in the order of the calls.
    /// </summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="role">The role of the factory.</param>
    /// <returns>The configuration.</returns>
    public static FluentConfiguration UseReplicated(this FluentConfiguration configuration, DatabaseRole role)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.ExposeConfiguration(c => c.UseReplicated(role));
    }

    /// <summary>
    /// Lets both roles use one store of the second-level and the query cache; see
    /// <see cref="ReplicatedCacheExtensions.ShareSecondLevelCache(global::NHibernate.Cfg.Configuration)"/>. Before <c>UseReplicated(role)</c> where that is called too.
    /// </summary>
    /// <param name="configuration">The configuration.</param>
    /// <returns>The configuration.</returns>
    public static FluentConfiguration ShareSecondLevelCache(this FluentConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.ExposeConfiguration(c => c.ShareSecondLevelCache());
    }

    internal static Func<global::NHibernate.Cfg.Configuration> Plain(this Func<FluentConfiguration> configure) => () =>
        (configure() ?? throw new InvalidOperationException("The delegate given to AddReplicatedNHibernate returned null instead of a FluentConfiguration.")).BuildConfiguration();
}
