using NHibernate.Cache;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What of a region reaches the store, by which of its methods: a remote store answers many keys at once, and asynchronously.</summary>
[Promise(14)]
internal sealed class SharedCacheRegionTests
{
    private readonly Recorder _store = new();

    private CacheBase Region => new SharedCacheRegion(_store);

    [SetUp]
    public void Clear() => _store.Calls.Clear();

    [Test]
    public async Task Reading_and_evicting_reach_the_store_as_they_are()
    {
        Assert.That(Region.Get("a"), Is.EqualTo("Get a"));
        Assert.That(await Region.GetAsync("a", default), Is.EqualTo("GetAsync a"));
        Assert.That(Region.GetMany(["a", "b"]), Is.EqualTo((object[])["GetMany a b"]));
        Assert.That(await Region.GetManyAsync(["a", "b"], default), Is.EqualTo((object[])["GetManyAsync a b"]));
        Region.Remove("a");
        await Region.RemoveAsync("a", default);
        Region.Clear();
        await Region.ClearAsync(default);
        Assert.That(_store.Calls, Is.EqualTo((string[])["Get a", "GetAsync a", "GetMany a b", "GetManyAsync a b", "Remove a", "RemoveAsync a", "Clear", "ClearAsync"]));
        Assert.That((Region.Timeout, Region.RegionName, Region.PreferMultipleGet, Region.NextTimestamp()), Is.EqualTo((7, "recorded", true, 42L)));
    }

    [Test]
    public async Task Nothing_else_does()
    {
        Region.Put("a", 1);
        await Region.PutAsync("a", 1, default);
        Region.PutMany(["a", "b"], [1, 2]);
        await Region.PutManyAsync(["a", "b"], [1, 2], default);
        Region.Unlock("a", Region.Lock("a"));
        await Region.UnlockAsync("a", await Region.LockAsync("a", default), default);
        Region.UnlockMany(["a", "b"], Region.LockMany(["a", "b"]));
        await Region.UnlockManyAsync(["a", "b"], await Region.LockManyAsync(["a", "b"], default), default);
        Region.Destroy();
        Assert.That(_store.Calls, Is.Empty);
    }

    private sealed class Recorder : CacheBase
    {
        public List<string> Calls { get; } = [];

        public override int Timeout => 7;

        public override string RegionName => "recorded";

        public override bool PreferMultipleGet => true;

        public override object Get(object key) => Note($"Get {key}");

        public override Task<object> GetAsync(object key, CancellationToken cancellationToken) => Task.FromResult(Note($"GetAsync {key}"));

        public override object[] GetMany(object[] keys) => [Note($"GetMany {string.Join(' ', keys)}")];

        public override Task<object[]> GetManyAsync(object[] keys, CancellationToken cancellationToken) => Task.FromResult<object[]>([Note($"GetManyAsync {string.Join(' ', keys)}")]);

        public override void Put(object key, object value) => Note($"Put {key}");

        public override void Remove(object key) => Note($"Remove {key}");

        public override Task RemoveAsync(object key, CancellationToken cancellationToken) => Task.FromResult(Note($"RemoveAsync {key}"));

        public override void Clear() => Note("Clear");

        public override Task ClearAsync(CancellationToken cancellationToken) => Task.FromResult(Note("ClearAsync"));

        public override void Destroy() => Note("Destroy");

        public override object Lock(object key) => Note($"Lock {key}");

        public override void Unlock(object key, object lockValue) => Note($"Unlock {key}");

        public override long NextTimestamp() => 42;

        private object Note(string call)
        {
            Calls.Add(call);
            return call;
        }
    }
}
