using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The shared store in requests, where the verb chooses the role.</summary>
[Promise(14)]
internal sealed class SharedCacheRequestTests
{
    [Test]
    public async Task A_get_reads_what_a_post_put_and_puts_nothing([Values] bool fallback)
    {
        var name = Guid.NewGuid().ToString();
        using var store = MemoryStore.Named(name);
        var settings = new Dictionary<string, string?>();
        if (fallback)
        {
            settings["ConnectionStrings:Slave"] = new NpgsqlConnectionStringBuilder(Database.Master.ConnectionString) { Port = 1 }.ConnectionString;
        }

        await using var app = await SessionApp.StartAsync(settings, slaves: 1, configure: () => Database.Configure().BuildConfiguration()
            .SetProperty(Environment.GenerateStatistics, "true")
            .SetProperty(Environment.CacheProvider, typeof(MemoryCacheProvider).AssemblyQualifiedName)
            .SetProperty(MemoryCacheProvider.StoreProperty, name).ShareSecondLevelCache());
        var (known, unknown) = (await NewSetting(), await NewSetting());
        Assert.That((await app.Post(session => session.Get<Setting>(known).Name)).Ok().Body, Is.EqualTo("before"));
        var puts = store.Puts;
        var answer = await app.Get(session => (session.Get<Setting>(known).Name, session.Get<Setting>(unknown).Name, session.Scalar("select pg_is_in_recovery()"), session.SessionFactory == app.Factories.Slave));
        Assert.That(answer.Ok().Body, Is.EqualTo($"(before, before, {!fallback}, True)"), "the master in a slave's place is a session of the slave's factory");
        Assert.That((app.Factories.Slave.Statistics.SecondLevelCacheHitCount, store.Puts), Is.EqualTo((1L, puts)));
    }

    private static async Task<Guid> NewSetting()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        await Database.Cluster.WaitForSlavesAsync();
        return key;
    }
}
