using System.Collections;
using NHibernate;
using NHibernate.Cache;
using NHibernate.Engine;
using NHibernate.Type;
using NHibernate.Util;

namespace Replicated.NHibernate.Sessions;

/// <summary>The <c>cache.query_cache_factory</c> of a slave's factory that shares the master's store, in NHibernate's place. Thread-safe.</summary>
internal sealed class SharedQueryCacheFactory : StandardQueryCacheFactory
{
    public override IQueryCache GetQueryCache(UpdateTimestampsCache updateTimestampsCache, IDictionary<string, string> props, CacheBase regionCache) =>
        new SharedQueryCache(updateTimestampsCache, regionCache);
}

/// <summary>
/// NHibernate's query cache, for results that the master put: they may name rows that the slave does not have yet. Such a result counts as not cached,
/// and the query goes to the slave; NHibernate alone would throw. Thread-safe.
/// </summary>
internal sealed class SharedQueryCache(UpdateTimestampsCache timestamps, CacheBase region) : StandardQueryCache(timestamps, region), IBatchableQueryCache
{
    IList? IBatchableQueryCache.Get(QueryKey key, QueryParameters queryParameters, ICacheAssembler[] returnTypes, ISet<string> spaces, ISessionImplementor session)
    {
        var isOutermost = session.PersistenceContext.IsLoadFinished;
        try
        {
            return Get(key, queryParameters, returnTypes, spaces, session);
        }
        catch (UnresolvableObjectException) when (isOutermost)
        {
            ForgetHalfLoaded(session);
            return null;
        }
    }

    async Task<IList?> IBatchableQueryCache.GetAsync(
        QueryKey key, QueryParameters queryParameters, ICacheAssembler[] returnTypes, ISet<string> spaces, ISessionImplementor session, CancellationToken cancellationToken)
    {
        var isOutermost = session.PersistenceContext.IsLoadFinished;
        try
        {
            return await GetAsync(key, queryParameters, returnTypes, spaces, session, cancellationToken);
        }
        catch (UnresolvableObjectException) when (isOutermost)
        {
            ForgetHalfLoaded(session);
            return null;
        }
    }

    IList?[] IBatchableQueryCache.GetMany(
        QueryKey[] keys, QueryParameters[] queryParameters, ICacheAssembler[][] returnTypes, ISet<string>[] spaces, ISessionImplementor session)
    {
        var isOutermost = session.PersistenceContext.IsLoadFinished;
        try
        {
            return GetMany(keys, queryParameters, returnTypes, spaces, session);
        }
        catch (UnresolvableObjectException) when (isOutermost)
        {
            ForgetHalfLoaded(session);
            return new IList?[keys.Length];
        }
    }

    async Task<IList?[]> IBatchableQueryCache.GetManyAsync(
        QueryKey[] keys, QueryParameters[] queryParameters, ICacheAssembler[][] returnTypes, ISet<string>[] spaces, ISessionImplementor session, CancellationToken cancellationToken)
    {
        var isOutermost = session.PersistenceContext.IsLoadFinished;
        try
        {
            return await GetManyAsync(keys, queryParameters, returnTypes, spaces, session, cancellationToken);
        }
        catch (UnresolvableObjectException) when (isOutermost)
        {
            ForgetHalfLoaded(session);
            return new IList?[keys.Length];
        }
    }

    // An entity from the cache stays in the session without its values where one that it refers to is missing.
    private static void ForgetHalfLoaded(ISessionImplementor session)
    {
        foreach (DictionaryEntry held in IdentityMap.Entries(session.PersistenceContext.EntityEntries))
        {
            if (((EntityEntry)held.Value!).Status == Status.Loading)
            {
                ((ISession)session).Evict(held.Key);
            }
        }
    }
}
