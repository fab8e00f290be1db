using NHibernate.Cache;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

#pragma warning disable CS0618 // NHibernate's providers still give the obsolete ICache.

/// <summary>The <c>cache.provider_class</c> of a slave's factory that shares the master's store: reads and evicts, and never puts. Thread-safe.</summary>
internal abstract class SharedCacheProvider(ICacheProvider store) : ICacheProvider
{
    public ICache BuildCache(string regionName, IDictionary<string, string> properties) => new SharedCacheRegion(store.BuildCache(regionName, properties));

    public long NextTimestamp() => store.NextTimestamp();

    public void Start(IDictionary<string, string> properties) => store.Start(properties);

    public void Stop() => store.Stop();
}

/// <summary>The same, in front of the provider that was chosen. Told by the type, because the schema of hibernate.cfg.xml knows no property of ours.</summary>
/// <typeparam name="TStore">The provider that the application chose, which the master's factory has itself.</typeparam>
internal sealed class SharedCacheProvider<TStore>() : SharedCacheProvider((ICacheProvider)Environment.ObjectsFactory.CreateInstance(typeof(TStore)))
    where TStore : ICacheProvider;
