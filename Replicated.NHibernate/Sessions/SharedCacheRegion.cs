using NHibernate.Cache;

namespace Replicated.NHibernate.Sessions;

#pragma warning disable CS0618 // NHibernate's providers still give the obsolete ICache.

/// <summary>
/// A region of the master's store as a slave's factory sees it. Whatever puts, with whatever cache mode, puts nothing: it would be what the slave has,
/// late, and look fresh to the master. NHibernate locks a key only to put, so that a lock would protect nothing. Thread-safe.
/// </summary>
internal sealed class SharedCacheRegion(ICache store) : CacheBase
{
    private readonly CacheBase? _full = store as CacheBase;

    public override int Timeout => store.Timeout;

    public override string RegionName => store.RegionName;

    public override bool PreferMultipleGet => _full?.PreferMultipleGet ?? false;

    public override object? Get(object key) => store.Get(key);

    public override Task<object> GetAsync(object key, CancellationToken cancellationToken) => store.GetAsync(key, cancellationToken);

    public override object[] GetMany(object[] keys) => _full?.GetMany(keys) ?? base.GetMany(keys);

    public override Task<object[]> GetManyAsync(object[] keys, CancellationToken cancellationToken) =>
        _full?.GetManyAsync(keys, cancellationToken) ?? base.GetManyAsync(keys, cancellationToken);

    public override void Put(object key, object value)
    {
    }

    public override void Remove(object key) => store.Remove(key);

    public override Task RemoveAsync(object key, CancellationToken cancellationToken) => store.RemoveAsync(key, cancellationToken);

    public override void Clear() => store.Clear();

    public override Task ClearAsync(CancellationToken cancellationToken) => store.ClearAsync(cancellationToken);

    // Many a store is cleared by it, under the master's hands.
    public override void Destroy()
    {
    }

    public override object? Lock(object key) => null;

    public override void Unlock(object key, object lockValue)
    {
    }

    public override long NextTimestamp() => store.NextTimestamp();
}
