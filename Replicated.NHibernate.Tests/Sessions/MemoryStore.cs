using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Primitives;
using NHibernate.Cache;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>One store over IMemoryCache for every factory of the process that names it, as CoreMemoryCache or a Redis server are. Thread-safe.</summary>
internal sealed class MemoryStore : IDisposable
{
    private static readonly ConcurrentDictionary<string, MemoryStore> Stores = new(StringComparer.Ordinal);

    private readonly MemoryCache _entries = new(new MemoryCacheOptions());
    // What a region's entries hang on, so that clearing it drops them all at once.
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _regions = new(StringComparer.Ordinal);
    private int _puts;
    private int _locks;

    /// <summary>Puts, of whichever factory.</summary>
    public int Puts => _puts;

    public int Locks => _locks;

    public int Count => _entries.Count;

    public static MemoryStore Named(string name) => Stores.GetOrAdd(name, _ => new MemoryStore());

    public object? Get(string region, object key) => _entries.Get((region, key));

    public void Put(string region, object key, object value)
    {
        Interlocked.Increment(ref _puts);
        var current = _regions.GetOrAdd(region, _ => new CancellationTokenSource());
        _entries.Set((region, key), value, new CancellationChangeToken(current.Token));
    }

    public void Remove(string region, object key) => _entries.Remove((region, key));

    public void NoteLock() => Interlocked.Increment(ref _locks);

    public void Clear(string region)
    {
        if (_regions.TryRemove(region, out var current))
        {
            current.Cancel();
        }
    }

    public void Dispose() => _entries.Dispose();
}

/// <summary>A small NHibernate provider on such a store. Like NHibernate's own it needs no lock besides NHibernate's, and closing a factory clears its regions.</summary>
internal sealed class MemoryCacheProvider : ICacheProvider
{
    public const string StoreProperty = "memory_cache.store";

    private static readonly long Minute = Timestamper.OneMs * 60_000;

#pragma warning disable CS0618 // NHibernate's interface still has it.
    public ICache BuildCache(string regionName, IDictionary<string, string> properties) => new Region(MemoryStore.Named(properties[StoreProperty]), regionName);
#pragma warning restore CS0618

    public long NextTimestamp() => Timestamper.Next();

    public void Start(IDictionary<string, string> properties)
    {
    }

    public void Stop()
    {
    }

    private sealed class Region(MemoryStore store, string name) : CacheBase
    {
        public override int Timeout => (int)Minute;

        public override string RegionName => name;

        public override object? Get(object key) => store.Get(name, key);

        public override void Put(object key, object value) => store.Put(name, key, value);

        public override void Remove(object key) => store.Remove(name, key);

        public override void Clear() => store.Clear(name);

        public override void Destroy() => store.Clear(name);

        public override object? Lock(object key)
        {
            store.NoteLock();
            return null;
        }

        public override void Unlock(object key, object lockValue)
        {
        }

        public override long NextTimestamp() => Timestamper.Next();
    }
}
