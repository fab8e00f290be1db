using NHibernate;
using NHibernate.Cache;
using NHibernate.Engine;

namespace Replicated.NHibernate;

/// <summary>
/// Evicting one entry from the second-level cache without a session. NHibernate's own <c>Evict(type, id)</c>, <c>EvictEntity</c> and
/// <c>EvictCollection</c> ask for the current session, which outside a scope there is none of; those for a whole class or role do not. Thread-safe.
/// </summary>
public static class ReplicatedCacheExtensions
{
    /// <summary>Removes an entity from the cache; nothing happens where its class is not cached.</summary>
    /// <param name="factory">The master's factory; the slave's has no cache.</param>
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
    /// <param name="factory">The master's factory; the slave's has no cache.</param>
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
