using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is done with the two factories outside requests: evicting from the cache, and looking at their counters.</summary>
internal sealed class FactoriesTests
{
    private SessionApp _app = null!;

    [SetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () =>
        Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));

    [TearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(14)]
    public async Task An_entity_is_evicted_outside_a_scope()
    {
        var (key, other) = (await Cached(), await Cached());
        await Database.Execute($"update setting set name = 'after' where name = 'before'");
        _app.Factories.Master.EvictWithoutSession(typeof(Setting), key);
        Assert.That((await Read(key), await Read(other)), Is.EqualTo(("after", "before")), "only that one");
    }

    [Test]
    public void NHibernates_own_eviction_asks_for_a_session_that_is_not_there_and_ours_does_not()
    {
        var id = Guid.NewGuid();
        var master = _app.Factories.Master;
        Assert.That(() => master.Evict(typeof(Setting), id), Throws.InvalidOperationException.With.Message.Contains("scope"));
        Assert.That(() => master.EvictWithoutSession(typeof(Setting), id), Throws.Nothing);
        Assert.That(() => _app.Factories.Slave.EvictWithoutSession(typeof(Setting), id), Throws.Nothing, "it has no cache");
        Assert.That(() => master.EvictWithoutSession(typeof(Note), id), Throws.Nothing, "it is not cached");
        Assert.That(() => master.EvictCollectionWithoutSession($"{typeof(Invoice).FullName}.{nameof(Invoice.Lines)}", id), Throws.Nothing, "it is not cached");
        Assert.That(() => master.EvictWithoutSession(typeof(string), id), Throws.InstanceOf<MappingException>());
        Assert.That(() => master.EvictCollectionWithoutSession("Nowhere", id), Throws.InstanceOf<MappingException>());
        Assert.That(_app.Factories.Master.Statistics.SessionOpenCount, Is.Zero);
    }

    [Test]
    public async Task The_counters_of_both_stand_side_by_side([Values] bool slave)
    {
        await using var app = await SessionApp.StartAsync(slaves: slave ? 1 : 0, configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));
        (await app.Post(session => session.Save(new Note { Name = "counted" }))).Ok();
        (await app.Get(session => session.CreateQuery("from Note where Name = 'counted'").SetMaxResults(1).List().Count)).Ok();
        var statistics = app.Factories.GetStatistics().ToDictionary(s => s.Name, s => (s.Master, s.Slave, s.Total), StringComparer.Ordinal);
        Assert.That(statistics["EntityInsertCount"], Is.EqualTo((1L, 0L, 1L)));
        Assert.That(statistics["QueryExecutionCount"], Is.EqualTo(slave ? (0L, 1L, 1L) : (1L, 0L, 1L)));
        Assert.That(statistics["SessionOpenCount"], Is.EqualTo(slave ? (1L, 1L, 2L) : (2L, 0L, 2L)));
        Assert.That(statistics, Has.Count.GreaterThan(20));
    }

    private async Task<Guid> Cached()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        Assert.That(await Read(key), Is.EqualTo("before"));
        return key;
    }

    private async Task<string> Read(Guid key) => (await _app.Post(session => session.Get<Setting>(key).Name)).Ok().Body;
}
