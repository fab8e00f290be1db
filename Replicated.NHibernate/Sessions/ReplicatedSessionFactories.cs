using NHibernate;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Engine;
using NHibernate.Impl;
using NHibernate.MultiTenancy;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate;

/// <summary>
/// The two session factories. <c>GetCurrentSession()</c> on either is routed; <c>OpenSession()</c> is not: it opens on the factory's own
/// server and is the caller's to commit and close. A singleton; thread-safe.
/// </summary>
public sealed class ReplicatedSessionFactories : IDisposable
{
    private readonly bool _owned;
    private ISessionBuilder? _masterBuilder;
    private ISessionBuilder? _slaveBuilder;

    internal ReplicatedSessionFactories(ISessionFactory master, ISessionFactory slave, bool owned)
    {
        (Master, Slave, _owned) = (master, slave, owned);
        RoleOf(Master, DatabaseRole.Master);
        if (!ReferenceEquals(Master, Slave))
        {
            RoleOf(Slave, DatabaseRole.Slave);
            ThrowIfMadeFromOneConfiguration((SessionFactoryImpl)Master, (SessionFactoryImpl)Slave);
        }

        SharedCache.Check(Master, Slave);
        SlaveSharesCache = !ReferenceEquals(Master, Slave) && SharedCache.IsShared(Slave);
    }

    /// <summary>The master's factory; <see cref="ISessionFactory"/> in the container is this one.</summary>
    public ISessionFactory Master { get; }

    /// <summary>The slaves' factory; the master's where no slave is configured.</summary>
    public ISessionFactory Slave { get; }

    /// <summary>
    /// NHibernate's counters of both factories side by side, by name. All 0 where the configuration does not set <c>generate_statistics</c>; each is
    /// read by itself, so together they are of no one moment.
    /// </summary>
    /// <returns>The counters as they are now.</returns>
    public IReadOnlyList<ReplicatedStatistic> GetStatistics() => ReplicatedStatistic.Of(Master.Statistics, ReferenceEquals(Master, Slave) ? null : Slave.Statistics);

    /// <summary>Closes the factories, where this library built them.</summary>
    public void Dispose()
    {
        if (_owned)
        {
            Master.Dispose();
            Slave.Dispose();
        }
    }

    internal ISessionFactory Of(DatabaseRole role) => role == DatabaseRole.Master ? Master : Slave;

    internal SessionHooks Hooks { get; private set; } = SessionHooks.None;

    internal ISession Open(RoleConnection role)
    {
        if (Hooks.HasOpening)
        {
            // Not the one that is kept: what a handler gives a builder stays in it.
            var own = Of(role.Role).WithOptions();
            Hooks.Opening(own, role);
            using var ownOpening = SessionTarget.Opening();
            return own.Connection(role.Connection).OpenSession();
        }

        return Open(role.Role, role.Connection);
    }

    private ISession Open(DatabaseRole role, RoutedConnection connection)
    {
        using var opening = SessionTarget.Opening();
        ref var kept = ref role == DatabaseRole.Master ? ref _masterBuilder : ref _slaveBuilder;
        // A session keeps nothing of its builder, so the next one is opened by the same.
        var builder = Interlocked.Exchange(ref kept, null) ?? Of(role).WithOptions();
        var session = builder.Connection(connection).OpenSession();
        builder.Connection(null);
        Volatile.Write(ref kept, builder);
        return session;
    }

    internal IStatelessSession OpenStateless(DatabaseRole role, RoutedConnection connection)
    {
        using var opening = SessionTarget.Opening();
        return Of(role).OpenStatelessSession(connection);
    }

    internal bool SlaveSharesCache { get; }

    internal CleanProof Proof { get; } = new();

    internal ReplicatedConnectionProvider MasterProvider => ProviderOf(Master);

    /// <summary>Whether the master's entities or queries are cached, by keys that know no tenant.</summary>
    internal bool AreCached => ((ISessionFactoryImplementor)Master).Settings is { CacheProvider: not NoCacheProvider } settings && (settings.IsSecondLevelCacheEnabled || settings.IsQueryCacheEnabled);

    internal void Attach(IScopeDiagnosis? diagnosis, bool readOnlySwitch, SessionHooks hooks)
    {
        Hooks = hooks;
        ContextOf(Master).Attach(this, diagnosis);
        ContextOf(Slave).Attach(this, diagnosis);
        ProviderOf(Master).IsRouted = true;
        ProviderOf(Slave).IsRouted = true;
        (ProviderOf(Slave) as SlaveConnectionProvider)?.UseSwitch(readOnlySwitch);
    }

    private static ReplicatedConnectionProvider ProviderOf(ISessionFactory factory) =>
        (ReplicatedConnectionProvider)((ISessionFactoryImplementor)factory).ConnectionProvider;

    // NHibernate swallows what goes wrong while it makes a session context, so look whether all of ours is there.
    private static ReplicatedSessionContext ContextOf(ISessionFactory factory) =>
        ((ISessionFactoryImplementor)factory).CurrentSessionContext as ReplicatedSessionContext
        ?? throw Unhooked($"its current_session_context_class is not {nameof(ReplicatedSessionContext)}");

    private static void RoleOf(ISessionFactory factory, DatabaseRole expected)
    {
        var implementor = (ISessionFactoryImplementor)factory;
        ContextOf(factory);
        if (implementor.ConnectionProvider is not ReplicatedConnectionProvider provider)
        {
            throw Unhooked($"its connection.provider is neither {nameof(MasterConnectionProvider)} nor {nameof(SlaveConnectionProvider)}");
        }

        if (implementor.TransactionFactory is not ReplicatedTransactionFactory)
        {
            throw Unhooked($"its transaction.factory_class is not {nameof(ReplicatedTransactionFactory)}");
        }

        if (provider.Driver is not ReplicatedDriver)
        {
            throw Unhooked("it has a driver that is not its connection provider's");
        }

        if (provider.Role != expected)
        {
            throw new HibernateConfigException(
                $"The {expected.Name()}'s session factory was configured with UseReplicated(DatabaseRole.{provider.Role}). Were the two factories exchanged?");
        }

        AsRouted(implementor.Settings);
        if (expected == DatabaseRole.Slave)
        {
            AsSlave(implementor.Settings);
        }
    }

    private static void AsRouted(global::NHibernate.Cfg.Settings settings)
    {
        if (settings.MultiTenancyStrategy != MultiTenancyStrategy.None)
        {
            throw new HibernateConfigException(
                $"multi_tenancy.strategy is {settings.MultiTenancyStrategy}: NHibernate would open the tenants' connections by itself, past routing, transaction and guard. Remove the property. "
                + "Tenants with a schema of their own, or with row-level security, are set by OnConnectionOpened, and by OnSessionOpened where a filter tells them apart; "
                + "tenants with a database of their own need an application, or a host, for each.");
        }

        if (settings.ConnectionReleaseMode != ConnectionReleaseMode.AfterTransaction)
        {
            throw new HibernateConfigException(
                $"connection.release_mode asks for {settings.ConnectionReleaseMode}, but routed sessions have a connection until the commit or rollback and take another for what comes after it. Remove the property. "
                + "What the application sets on a connection belongs into OnConnectionOpened, which runs for each that is taken.");
        }
    }

    private static void AsSlave(global::NHibernate.Cfg.Settings settings)
    {
        if ((settings.IsSecondLevelCacheEnabled || settings.IsQueryCacheEnabled) && settings.CacheProvider is not (NoCacheProvider or SharedCacheProvider))
        {
            throw Unhooked("it is the slave's and has a second-level or query cache, which nothing would ever invalidate, or which it would fill with its late rows for the master to read (cache.use_second_level_cache, cache.use_query_cache; to share the master's store call ShareSecondLevelCache() first)");
        }

        if (settings.AutoJoinTransaction)
        {
            throw Unhooked("it is the slave's and joins a TransactionScope, which a standby cannot (transaction.auto_join)");
        }

        if (settings.IsAutoCreateSchema || settings.IsAutoUpdateSchema || settings.IsAutoDropSchema)
        {
            throw Unhooked("it is the slave's and changes the schema (hbm2ddl.auto)");
        }
    }

    private static void ThrowIfMadeFromOneConfiguration(SessionFactoryImpl master, SessionFactoryImpl slave)
    {
        if (ReferenceEquals(master.EventListeners, slave.EventListeners))
        {
            throw new HibernateConfigException(
                "Both session factories were built from one Configuration, so they share event listeners and interceptor. Make a Configuration for each role.");
        }
    }

    private static HibernateConfigException Unhooked(string why) => new(
        $"A session factory cannot be routed: {why}. Call configuration.UseReplicated(DatabaseRole.Master or .Slave) before BuildSessionFactory(), as the last change to the configuration.");
}
