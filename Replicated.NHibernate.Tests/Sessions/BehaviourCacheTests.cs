using NHibernate;
using NHibernate.Cfg;
using NHibernate.Event;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the library assumes of NHibernate's caches, and what they do not keep by themselves.</summary>
internal sealed class BehaviourCacheTests
{
    private static int _shelves;

    private readonly string _store = Guid.NewGuid().ToString();
    private PostgresCluster _cluster = null!;

    private MemoryStore Store => MemoryStore.Named(_store);

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema(slaves: 0);
        await SharedCluster.Execute(_cluster.Master, ShelfMap.Tables);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        Store.Dispose();
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task The_cache_mode_of_a_query_overrides_the_sessions([Values(CacheMode.Normal, CacheMode.Put, CacheMode.Refresh)] CacheMode mode)
    {
        // Why a session's CacheMode.Get does not keep a slave from putting, and the provider has to.
        var id = await NewShelf();
        using var factory = Plain();
        using var session = factory.OpenSession();
        session.CacheMode = CacheMode.Get;
        var puts = Store.Puts;
        session.NumberQuery(id).List();
        Assert.That(Store.Puts, Is.EqualTo(puts));
        session.NumberQuery(id).SetCacheMode(mode).List();
        session.CreateQuery("from Shelf s where s.Id = :id").SetInt32("id", id).SetCacheMode(mode).List();
        Assert.That(Store.Puts, Is.EqualTo(puts + 2));
    }

    [Test]
    public async Task A_key_is_locked_only_to_put()
    {
        // Why a slave's region, which puts nothing, locks nothing.
        var id = await NewShelf();
        using var factory = Plain();
        var (puts, locks) = (Store.Puts, Store.Locks);
        Read(factory, s =>
        {
            s.CacheMode = CacheMode.Get;
            return s.Number(id);
        });
        Assert.That((Store.Puts, Store.Locks), Is.EqualTo((puts, locks)));
        Read(factory, s => s.Number(id));
        Assert.That((Store.Puts, Store.Locks), Is.EqualTo((puts + 1, locks + 1)));
        Read(factory, s => s.Number(id));
        Assert.That((Store.Puts, Store.Locks), Is.EqualTo((puts + 1, locks + 1)));
    }

    [Test]
    public async Task A_read_that_overlaps_a_write_leaves_the_old_row_in_the_cache([Values] bool minimalPuts)
    {
        // By NHibernate's own doing, on one factory: why the torture's master sessions take turns.
        var id = await NewShelf();
        var during = new DuringLoad();
        using var factory = Plain(c => during.Listen(c).SetProperty(Environment.UseMinimalPuts, minimalPuts ? "true" : "false"));
        during.Once = () => Raise(factory, id);
        Assert.That(Read(factory, s => s.Number(id)), Is.EqualTo(1));
        Assert.That(Read(factory, s => s.Number(id)), Is.EqualTo(minimalPuts ? 2 : 1), "committed is 2");
    }

    [Test]
    public async Task A_query_that_overlaps_a_write_leaves_the_old_result_in_the_cache()
    {
        var id = await NewShelf();
        var during = new DuringLoad();
        using var factory = Plain(c => during.Listen(c));
        during.Once = () => Raise(factory, id);
        Assert.That(Read(factory, Count), Is.EqualTo(1));
        Assert.That(Read(factory, Count), Is.EqualTo(1), "committed is 0");

        int Count(ISession session) => session.CreateQuery("from Shelf s where s.Id = :id and s.Number = 1").SetInt32("id", id).SetCacheable(true).List().Count;
    }

    private static void Raise(ISessionFactory factory, int id)
    {
        using var session = factory.OpenSession();
        using var transaction = session.BeginTransaction();
        session.Get<Shelf>(id).Number++;
        transaction.Commit();
    }

    private static T Read<T>(ISessionFactory factory, Func<ISession, T> read)
    {
        using var session = factory.OpenSession();
        return read(session);
    }

    private ISessionFactory Plain(Action<Configuration>? change = null) => ShelfMap.Plain(_store, _cluster.Master.ConnectionString, change);

    private async Task<int> NewShelf()
    {
        var id = Interlocked.Increment(ref _shelves);
        await SharedCluster.Execute(_cluster.Master, $"insert into shelf values ({id}, 1)");
        return id;
    }

    /// <summary>Called when a row has been read and has not been put yet.</summary>
    private sealed class DuringLoad : IPreLoadEventListener
    {
        public Action? Once { get; set; }

        public Configuration Listen(Configuration configuration)
        {
            configuration.AppendListeners(ListenerType.PreLoad, new IPreLoadEventListener[] { this });
            return configuration;
        }

        public void OnPreLoad(PreLoadEvent @event)
        {
            var once = Once;
            Once = null;
            once?.Invoke();
        }

        public Task OnPreLoadAsync(PreLoadEvent @event, CancellationToken cancellationToken)
        {
            OnPreLoad(@event);
            return Task.CompletedTask;
        }
    }
}
