using NHibernate;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Engine;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate;

/// <summary>
/// One store of the second-level cache for both factories; and evicting one entry from it without a session. NHibernate's own <c>Evict(type, id)</c>, <c>EvictEntity</c> and
/// <c>EvictCollection</c> ask for the current session, which outside a scope there is none of; those for a whole class or role do not. Thread-safe.
/// </summary>
public static class ReplicatedCacheExtensions
{
    /// <summary>
    /// Lets both roles use one store of the second-level and the query cache: sessions on a slave read what the master's have put, evict, and never put,
    /// whatever cache mode a session or a query sets. Without it a slave's factory has no cache. The configurations of both roles need it, the same
    /// <c>cache.provider_class</c>, whose store must be one for both factories, and the same <c>cache.region_prefix</c>; what is missing is an exception when the
    /// application starts. Before <c>UseReplicated(role)</c> where that is called too.
    /// </summary>
    /// <param name="configuration">The configuration.</param>
    /// <returns>The configuration.</returns>
    public static Configuration ShareSecondLevelCache(this Configuration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.SetProperty(SharedCache.Property, "true");
    }

    /// <summary>Removes an entity from the cache; nothing happens where its class is not cached.</summary>
    /// <param name="factory">The master's factory; or the slave's where they share one store, otherwise nothing happens.</param>
    /// <param name="persistentClass">The entity's class.</param>
    /// <param name="id">The entity's id.</param>
    /// <exception cref="global::NHibernate.MappingException">The class is not mapped.</exception>
    public static void EvictWithoutSession(this ISessionFactory factory, Type persistentClass, object id)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(persistentClass);
        ArgumentNullException.ThrowIfNull(id);
        var implementor = (ISessionFactoryImplementor)factory;
        var persister = implementor.GetEntityPersister(persistentClass.FullName);
        if (persister.HasCache)
        {
            persister.Cache.Remove(new CacheKey(id, persister.IdentifierType, persister.RootEntityName, implementor, tenantIdentifier: null));
        }
    }

    /// <summary>Removes a collection from the cache; nothing happens where its role is not cached.</summary>
    /// <param name="factory">The master's factory; or the slave's where they share one store, otherwise nothing happens.</param>
    /// <param name="roleName">The full name of the owner's class, and of the property.</param>
    /// <param name="id">The owner's id.</param>
    /// <exception cref="global::NHibernate.MappingException">The collection is not mapped.</exception>
    public static void EvictCollectionWithoutSession(this ISessionFactory factory, string roleName, object id)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(roleName);
        ArgumentNullException.ThrowIfNull(id);
        var implementor = (ISessionFactoryImplementor)factory;
        var persister = implementor.GetCollectionPersister(roleName);
        if (persister.HasCache)
        {
            persister.Cache.Remove(new CacheKey(id, persister.KeyType, persister.Role, implementor, tenantIdentifier: null));
        }
    }
}
