using NHibernate;
using NHibernate.Stat;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>One store for both factories: slave sessions read what the master's have put, and put nothing.</summary>
[Promise(14)]
internal sealed partial class SharedCacheTests
{
    private static int _shelves;

    private readonly string _name = Guid.NewGuid().ToString();
    private PostgresCluster _cluster = null!;
    private ShelfApp _app = null!;

    private MemoryStore Store => MemoryStore.Named(_name);

    private IStatistics Slave => _app.Factories.Slave.Statistics;

    private IStatistics Master => _app.Factories.Master.Statistics;

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema(slaves: 1);
        await SharedCluster.Execute(_cluster.Master, ShelfMap.Tables);
        _app = ShelfApp.Start(_cluster, _name);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        Store.Dispose();
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task A_slave_session_reads_what_the_master_put([Values] bool async)
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.Get<Shelf>(id).Labels.Count, s.NumberQuery(id).List()));
        await SharedCluster.Execute(_cluster.Master, $"update shelf set number = 9 where id = {id}; delete from shelf_label where shelf_id = {id}");
        await _cluster.WaitForSlavesAsync();
        Clear();
        var read = await _app.On(DatabaseRole.Slave, async session => async
            ? ((await session.GetAsync<Shelf>(id)).Number, (await session.GetAsync<Shelf>(id)).Labels.Count, (int)await session.NumberQuery(id).UniqueResultAsync())
            : (session.Number(id), session.Get<Shelf>(id).Labels.Count, (int)session.NumberQuery(id).UniqueResult()));
        Assert.That(read, Is.EqualTo((1, 2, 1)), "from the store, which nobody told of the change");
        Assert.That((Slave.SecondLevelCacheHitCount, Slave.QueryCacheHitCount, Slave.PrepareStatementCount, Slave.ConnectCount), Is.EqualTo((2L, 1L, 0L, 0L)), "and without a connection");
    }

    [Test]
    public async Task A_slave_session_puts_nothing_whatever_the_cache_mode(
        [Values] bool async, [Values] bool routed, [Values(CacheMode.Normal, CacheMode.Put, CacheMode.Refresh, CacheMode.Get)] CacheMode mode, [Values] bool ofTheQuery)
    {
        var id = await NewShelf();
        var (puts, locks) = (Store.Puts, Store.Locks);
        await Slaves(routed, async session =>
        {
            if (!ofTheQuery)
            {
                session.CacheMode = mode;
            }

            if (async)
            {
                await session.GetAsync<Shelf>(id);
                await NHibernateUtil.InitializeAsync((await session.GetAsync<Shelf>(id)).Labels);
                await Query(session.NumberQuery(id)).ListAsync();
                await Query(session.CreateQuery("from Shelf s where s.Id >= :id").SetInt32("id", id)).ListAsync();
                await session.RefreshAsync(await session.GetAsync<Shelf>(id));
            }
            else
            {
                session.Get<Shelf>(id);
                NHibernateUtil.Initialize(session.Get<Shelf>(id).Labels);
                Query(session.NumberQuery(id)).List();
                Query(session.CreateQuery("from Shelf s where s.Id >= :id").SetInt32("id", id)).List();
                session.Refresh(session.Get<Shelf>(id));
            }
        });
        Assert.That((Store.Puts, Store.Locks), Is.EqualTo((puts, locks)));

        IQuery Query(IQuery query) => ofTheQuery ? query.SetCacheable(true).SetCacheMode(mode) : query.SetCacheable(true);
    }

    [Test]
    public async Task A_slave_session_is_opened_so_that_it_does_not_try_to_put()
    {
        Assert.That(await _app.On(DatabaseRole.Slave, s => s.CacheMode), Is.EqualTo(CacheMode.Get));
        Assert.That(await _app.On(DatabaseRole.Master, s => s.CacheMode), Is.EqualTo(CacheMode.Normal));
        await using var off = ShelfApp.Start(_cluster, store: null);
        Assert.That(await off.On(DatabaseRole.Slave, s => s.CacheMode), Is.EqualTo(CacheMode.Normal), "it has no cache");
    }

    [Test]
    public async Task A_stateless_session_of_a_slave_puts_nothing()
    {
        var id = await NewShelf();
        var puts = Store.Puts;
        using var session = _app.Factories.Slave.OpenStatelessSession();
        session.Get<Shelf>(id);
        session.CreateQuery("from Shelf s where s.Id = :id").SetInt32("id", id).SetCacheable(true).List();
        Assert.That(Store.Puts, Is.EqualTo(puts));
    }

    [Test]
    public async Task An_entry_is_evicted_through_either_factory([Values] bool master, [Values] bool all, [Values] bool async)
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.Get<Shelf>(id).Labels.Count));
        await SharedCluster.Execute(_cluster.Master, $"update shelf set number = 9 where id = {id}; delete from shelf_label where shelf_id = {id}");
        var factory = master ? _app.Factories.Master : _app.Factories.Slave;
        var labels = $"{typeof(Shelf).FullName}.{nameof(Shelf.Labels)}";
        if (!all)
        {
            factory.EvictWithoutSession(typeof(Shelf), id);
            factory.EvictCollectionWithoutSession(labels, id);
        }
        else if (async)
        {
            await factory.EvictAsync(typeof(Shelf));
            await factory.EvictCollectionAsync(labels);
        }
        else
        {
            factory.Evict(typeof(Shelf));
            factory.EvictCollection(labels);
        }

        Assert.That(await _app.On(DatabaseRole.Master, s => (s.Number(id), s.Get<Shelf>(id).Labels.Count)), Is.EqualTo((9, 0)));
    }

    [Test]
    public async Task A_refresh_evicts_cached_collections_for_which_NHibernate_asks_for_a_scope()
    {
        var id = await NewShelf();
        using var session = _app.Factories.Master.OpenSession();
        var shelf = session.Get<Shelf>(id);
        Assert.That(() => session.Refresh(shelf), Throws.InvalidOperationException.With.Message.Contains("scope"));
        Assert.That(await _app.On(DatabaseRole.Master, _ =>
        {
            session.Refresh(shelf);
            return shelf.Number;
        }), Is.EqualTo(1));
    }

    [Test]
    public async Task Closing_the_slaves_factory_leaves_the_store_whole()
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        var count = Store.Count;
        using (Alone(DatabaseRole.Slave))
        {
        }

        Assert.That(Store.Count, Is.EqualTo(count));
        Clear();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        Assert.That((Master.SecondLevelCacheHitCount, Master.QueryCacheHitCount), Is.EqualTo((1L, 1L)));
        using (Alone(DatabaseRole.Master))
        {
        }

        Clear();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        Assert.That((Master.SecondLevelCacheHitCount, Master.QueryCacheHitCount), Is.EqualTo((0L, 0L)), "this provider clears with the master's, or the test would show nothing");

        ISessionFactory Alone(DatabaseRole role) => ShelfMap.Configure(_name).ShareSecondLevelCache().ExposeConfiguration(
            c => c.SetProperty(global::NHibernate.Cfg.Environment.ConnectionString, _cluster.Master.ConnectionString)).UseReplicated(role).BuildSessionFactory();
    }

    [Test]
    public async Task What_the_master_rolled_back_is_not_in_the_store()
    {
        var id = await NewShelf();
        await _app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        Assert.That(() => _app.On(DatabaseRole.Master, int (session) =>
        {
            session.Get<Shelf>(id).Number = 7;
            session.Flush();
            session.NumberQuery(id).List();
            throw new InvalidOperationException("on purpose");
        }), Throws.InvalidOperationException);
        foreach (var role in (DatabaseRole[])[DatabaseRole.Slave, DatabaseRole.Master, DatabaseRole.Slave])
        {
            Assert.That(await _app.On(role, s => (s.Number(id), (int)s.NumberQuery(id).UniqueResult())), Is.EqualTo((1, 1)), $"{role}");
        }
    }

    /// <summary>The scope's session, or one that the application opens on the slave's factory beside it.</summary>
    private Task<bool> Slaves(bool routed, Func<ISession, Task> work) => _app.On(DatabaseRole.Slave, async session =>
    {
        using var own = routed ? null : _app.Factories.Slave.OpenSession();
        await work(own ?? session);
        return true;
    });

    private async Task<int> NewShelf()
    {
        var id = Interlocked.Increment(ref _shelves);
        await SharedCluster.Execute(_cluster.Master, $"insert into shelf values ({id}, 1); insert into shelf_label values ({id}, 'a'), ({id}, 'b')");
        await _cluster.WaitForSlavesAsync();
        return id;
    }

    private void Clear()
    {
        Slave.Clear();
        Master.Clear();
    }
}
