using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The second-level cache and the query cache: the master's only, and never with what was rolled back.</summary>
[Promise(14)]
internal sealed class CacheTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () =>
        Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_change_to_an_entity_from_the_cache_is_written_as_the_only_thing_a_request_does([Values] bool async)
    {
        var key = await Cached();
        (await _app.Post(async context =>
        {
            var setting = async ? await context.Session().GetAsync<Setting>(key) : context.Session().Get<Setting>(key);
            setting.Name = "after";
            return SessionApp.Done();
        })).Ok();
        Assert.That((await Database.Ask<string>($"select name from setting where id = '{key}'"), Hits), Is.EqualTo(("after", 1L)));
        Assert.That((await Read(key), Hits), Is.EqualTo(("after", 2L)), "the cache has it too");
    }

    [Test, Promise(12)]
    public async Task What_was_rolled_back_is_not_in_the_cache()
    {
        var key = await Cached();
        var answer = await _app.Post(session =>
        {
            session.Get<Setting>(key).Name = "rolled back";
            session.Flush();
            throw new InvalidOperationException("on purpose");
        });
        Assert.That((answer.Thrown?.Message, await Read(key)), Is.EqualTo(("on purpose", "before")));
    }

    [Test]
    public async Task A_slave_session_neither_fills_nor_reads_a_cache()
    {
        var key = await Cached();
        await Database.Execute($"update setting set name = 'after' where id = '{key}'");
        await Database.Cluster.WaitForSlavesAsync();
        var read = await _app.Get(session => (session.Get<Setting>(key).Name, session.CreateQuery("from Setting where Id = :id").SetGuid("id", key).SetCacheable(true).List().Count));
        Assert.That(read.Ok().Body, Is.EqualTo("(after, 1)"));
        var (slave, master) = (_app.Factories.Slave.Statistics, _app.Factories.Master.Statistics);
        Assert.That((slave.SecondLevelCachePutCount, slave.SecondLevelCacheHitCount, slave.QueryCachePutCount, master.SecondLevelCachePutCount, master.QueryCachePutCount), Is.EqualTo((0L, 0L, 0L, 1L, 0L)));
        Assert.That(await Read(key), Is.EqualTo("before"), "the master's is as it was");
    }

    [Test]
    public async Task A_cached_query_is_not_used_after_a_write()
    {
        var name = Guid.NewGuid().ToString();
        (long, long)[] expected = [(0, 0), (0, 1), (1, 1), (1, 2)];
        _app.Factories.Master.Statistics.Clear();
        var seen = new List<(long, long)> { (await Query(), QueryHits), (await Query(), QueryHits) };
        (await _app.Post(session => session.Save(new Setting { Id = Guid.NewGuid(), Name = name }))).Ok();
        seen.AddRange([(await Query(), QueryHits), (await Query(), QueryHits)]);
        Assert.That(seen, Is.EqualTo(expected), "rows and hits");

        async Task<long> Query() => long.Parse((await _app.Post(session =>
            session.CreateQuery("from Setting where Name = :name").SetString("name", name).SetCacheable(true).List().Count)).Ok().Body);
    }

    private long Hits => _app.Factories.Master.Statistics.SecondLevelCacheHitCount;

    private long QueryHits => _app.Factories.Master.Statistics.QueryCacheHitCount;

    private async Task<Guid> Cached()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        _app.Factories.Master.Statistics.Clear();
        _app.Factories.Slave.Statistics.Clear();
        Assert.That((await Read(key), Hits), Is.EqualTo(("before", 0L)));
        return key;
    }

    private async Task<string> Read(Guid key) => (await _app.Post(session => session.Get<Setting>(key).Name)).Ok().Body;
}
