using NHibernate;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Engine;
using NHibernate.Util;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// The caches of a slave's factory: none, or, where it was asked for, the master's store. A slave that put its own late rows into that store would
/// show them to the master; a store of its own would never hear of a write.
/// </summary>
internal static class SharedCache
{
    /// <summary>Asks for it. NHibernate ignores it, and the schema of hibernate.cfg.xml does not allow it.</summary>
    public const string Property = "replicated.cache.shared";

    private const string Remedy = "Or leave ShareSecondLevelCache() out: then the slaves' factory has no cache.";

    public static bool IsAsked(IDictionary<string, string> properties) => PropertiesHelper.GetBoolean(Property, properties, defaultValue: false);

    public static bool IsShared(ISessionFactory slave) => Has(SettingsOf(slave)) && SettingsOf(slave).CacheProvider is SharedCacheProvider;

    public static void Configure(Configuration slave)
    {
        var name = slave.GetProperty(Environment.CacheProvider);
        var isInFront = name?.StartsWith(typeof(SharedCacheProvider).FullName!, StringComparison.Ordinal) == true;
        if (!isInFront && !IsAsked(slave.Properties))
        {
            slave.SetProperty(Environment.UseSecondLevelCache, "false");
            slave.SetProperty(Environment.UseQueryCache, "false");
            return;
        }

        var provider = string.IsNullOrEmpty(name) ? typeof(NoCacheProvider) : TypeNamed(name);
        if (provider == typeof(NoCacheProvider))
        {
            throw Impossible($"the configuration has no cache: set {Environment.CacheProvider}");
        }

        if (!PropertiesHelper.GetBoolean(Environment.UseSecondLevelCache, slave.Properties, defaultValue: true)
            && !PropertiesHelper.GetBoolean(Environment.UseQueryCache, slave.Properties, defaultValue: false))
        {
            throw Impossible($"both caches are off: set {Environment.UseSecondLevelCache} or {Environment.UseQueryCache} to true");
        }

        if (!isInFront)
        {
            slave.SetProperty(Environment.CacheProvider, typeof(SharedCacheProvider<>).MakeGenericType(provider).AssemblyQualifiedName!);
        }

        // Only in the place of NHibernate's: what another one does with an error is its own.
        if (string.IsNullOrEmpty(slave.GetProperty(Environment.QueryCacheFactory)))
        {
            slave.SetProperty(Environment.QueryCacheFactory, typeof(SharedQueryCacheFactory).AssemblyQualifiedName!);
        }
    }

    /// <summary>Looks for every combination of two factories in which the master could read what a slave had, or a slave what nobody invalidates.</summary>
    public static void Check(ISessionFactory master, ISessionFactory slave)
    {
        if (SettingsOf(master).CacheProvider is SharedCacheProvider)
        {
            throw new HibernateConfigException(
                $"The master's session factory has the slave's {Environment.CacheProvider}, which never puts an entry, so nothing would be invalidated. Give the master the provider itself.");
        }

        if (ReferenceEquals(master, slave))
        {
            return;
        }

        if (!IsShared(slave))
        {
            if (IsAskedOf(master) || IsAskedOf(slave))
            {
                throw Impossible("the slave's session factory has no part in it: call ShareSecondLevelCache() on the configurations of both roles, before UseReplicated(role)");
            }

            return;
        }

        var regions = RegionsOf(master);
        foreach (var (name, region) in RegionsOf(slave).OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            if (!regions.TryGetValue(name, out var sameRegion))
            {
                throw Impossible(
                    $"the slave's session factory has the region '{name}' and the master's has not, so nothing would invalidate it. Both need the same mappings, {Environment.CacheRegionPrefix}, {Environment.UseSecondLevelCache} and {Environment.UseQueryCache}");
            }

            ThrowIfApart(name, sameRegion, region);
        }
    }

    // Whether two providers have one store only the stores can tell: Hashtables, key prefixes, servers.
    private static void ThrowIfApart(string name, CacheBase master, CacheBase slave)
    {
        var key = $"replicated-probe-{Guid.NewGuid():N}";
        object? found;
        try
        {
            master.Put(key, key);
            found = slave.Get(key);
            master.Remove(key);
        }
        catch (Exception e)
        {
            throw Impossible($"the store could not be tried in the region '{name}'", e);
        }

        if (!key.Equals(found))
        {
            throw Impossible(
                $"what the master's session factory puts into the region '{name}' the slave's does not find, so each has a store of its own, or the store cannot be reached. NHibernate's HashtableCacheProvider keeps a store for each factory; other providers need the same server and the same prefix of keys");
        }
    }

    private static bool Has(global::NHibernate.Cfg.Settings settings) => settings.IsSecondLevelCacheEnabled || settings.IsQueryCacheEnabled;

    private static global::NHibernate.Cfg.Settings SettingsOf(ISessionFactory factory) => ((ISessionFactoryImplementor)factory).Settings;

    private static bool IsAskedOf(ISessionFactory factory) =>
        ((ISessionFactoryImplementor)factory).ConnectionProvider is ReplicatedConnectionProvider { AsksForSharedCache: true };

    private static Dictionary<string, CacheBase> RegionsOf(ISessionFactory factory) => ((ISessionFactoryImplementor)factory).GetAllSecondLevelCacheRegions()
        .ToDictionary(r => r.Key, r => (CacheBase)r.Value, StringComparer.Ordinal);

    private static Type TypeNamed(string name)
    {
        try
        {
            return ReflectHelper.ClassForName(name);
        }
        catch (Exception e)
        {
            throw Impossible($"the {Environment.CacheProvider} of the configuration ({name}) cannot be found", e);
        }
    }

    private static HibernateConfigException Impossible(string why, Exception? inner = null) =>
        new($"The slaves cannot share the master's second-level cache: {why}. {Remedy}", inner);
}
