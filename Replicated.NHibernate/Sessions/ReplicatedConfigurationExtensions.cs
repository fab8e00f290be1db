using NHibernate;
using NHibernate.Cfg;
using NHibernate.Tool.hbm2ddl;
using NHibernate.Transaction;
using Replicated.NHibernate.Sessions;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate;

/// <summary>The configuration hook, for applications that build the two session factories by themselves.</summary>
public static class ReplicatedConfigurationExtensions
{
    /// <summary>
    /// Makes the factory that will be built from this configuration routable. The last change before <c>BuildSessionFactory()</c>. Each
    /// role needs a <see cref="Configuration"/> of its own: factories built from one share their event listeners.
    /// On a slave: no second-level and no query cache (nothing would invalidate them) unless
    /// <see cref="ReplicatedCacheExtensions.ShareSecondLevelCache"/> was called before, no hbm2ddl, no automatic join of a TransactionScope. On both: <c>hbm2ddl.keywords</c> is <c>none</c>, so that building needs no connection; auto-quoting is done here instead.
    /// </summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="role">The role of the factory.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="global::NHibernate.Cfg.HibernateConfigException">The configuration has a connection provider or a transaction factory of its own; or a cache
    /// is to be shared and there is none.</exception>
    public static Configuration UseReplicated(this Configuration configuration, DatabaseRole role)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        TakesPlaceOf(configuration, Environment.ConnectionProvider, typeof(global::NHibernate.Connection.DriverConnectionProvider), typeof(MasterConnectionProvider), typeof(SlaveConnectionProvider));
        TakesPlaceOf(configuration, Environment.TransactionStrategy, typeof(AdoNetWithSystemTransactionFactory), typeof(ReplicatedTransactionFactory));

        if (role == DatabaseRole.Slave)
        {
            Set<SlaveConnectionProvider>(Environment.ConnectionProvider);
        }
        else
        {
            Set<MasterConnectionProvider>(Environment.ConnectionProvider);
        }

        Set<ReplicatedSessionContext>(Environment.CurrentSessionContextClass);
        Set<ReplicatedTransactionFactory>(Environment.TransactionStrategy);
        QuoteWithoutConnecting(configuration);
        if (role == DatabaseRole.Slave)
        {
            AsSlave(configuration);
        }

        return configuration;

        void Set<T>(string property) => configuration.SetProperty(property, typeof(T).AssemblyQualifiedName!);
    }

    private static void AsSlave(Configuration configuration)
    {
        SharedCache.Configure(configuration);
        configuration.SetProperty(Environment.AutoJoinTransaction, "false");
        // create-drop would drop the schema when the factory is closed, on a development machine's one database.
        configuration.Properties.Remove(Environment.Hbm2ddlAuto);
        if (configuration.GetProperty(Environment.SessionFactoryName) is { Length: > 0 } name)
        {
            // Equal names overwrite each other, and closing one factory would remove the other's.
            configuration.SetProperty(Environment.SessionFactoryName, $"{name}.slave");
        }
    }

    private static void QuoteWithoutConnecting(Configuration configuration)
    {
        if (configuration.GetProperty(Environment.Hbm2ddlKeyWords) is "auto-quote")
        {
            configuration.BuildMappings();
            SchemaMetadataUpdater.QuoteTableAndColumns(configuration, global::NHibernate.Dialect.Dialect.GetDialect(configuration.Properties));
        }

        configuration.SetProperty(Environment.Hbm2ddlKeyWords, "none");
    }

    private static void TakesPlaceOf(Configuration configuration, string property, params Type[] known)
    {
        if (configuration.GetProperty(property) is { Length: > 0 } own && !Array.Exists(known, k => Names(own, k)))
        {
            throw new HibernateConfigException(
                $"The configuration has its own {property} ({own}), but routing needs its place. Remove that property; only {known[0].Name} can be replaced.");
        }
    }

    private static bool Names(string typeName, Type type)
    {
        var name = typeName.Split(',')[0].Trim();
        return name == type.FullName || name == type.Name;
    }
}
