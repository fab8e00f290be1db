using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Cfg;
using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Impl;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>How the two factories come from one configuration: what they share, what is each one's own, and what becomes of errors.</summary>
[Promise(17)]
internal sealed class FactoryBuildingTests
{
    [Test]
    public async Task The_delegate_is_called_once_and_each_mapping_is_compiled_once()
    {
        var (calls, compiled) = (0, CountedMap.Made);
        await using var app = await SessionApp.StartAsync(configure: () =>
        {
            calls++;
            return FluentNHibernate.Cfg.Fluently.Configure(Everything.Configuration().SetProperty(Environment.ConnectionString, Database.Master.ConnectionString)).Mappings(m => m.FluentMappings.Add<CountedMap>()).BuildConfiguration();
        });
        Assert.That((app.Factories.Slave, app.Factories.Master), Is.Not.EqualTo((app.Factories.Master, app.Factories.Slave)));
        Assert.That((calls, CountedMap.Made - compiled), Is.EqualTo((1, 1)));
        Assert.That(app.Factories.Slave.GetClassMetadata(typeof(Made)), Is.Not.Null.And.Not.SameAs(app.Factories.Master.GetClassMetadata(typeof(Made))));
    }

    [Test]
    public void The_slaves_factory_knows_all_that_one_built_alone_does()
    {
        using var services = Services(Everything.Configuration);
        using var factories = services.GetRequiredService<ReplicatedSessionFactories>();
        using var alone = Everything.Configuration().UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        Assert.That(Everything.KnownTo(factories.Slave), Is.EqualTo(Everything.KnownTo(alone)).And.EqualTo(Everything.KnownTo(factories.Master)));
        Assert.That(Everything.KnownTo(alone), Has.Length.GreaterThan(15).And.None.Contains("missing"));
    }

    [Test]
    public void However_often_they_are_built_at_the_same_time_they_know_the_same()
    {
        for (var i = 0; i < 25; i++)
        {
            using var services = Services(() => Everything.Configuration(filters: false));
            using var factories = services.GetRequiredService<ReplicatedSessionFactories>();
            Assert.That(Everything.KnownTo(factories.Slave), Is.EqualTo(Everything.KnownTo(factories.Master)));
        }
    }

    [Test]
    public void Nothing_of_one_factory_is_changed_with_the_other()
    {
        var listener = new Listener();
        using var services = Services(() =>
        {
            var configuration = Everything.Configuration();
            configuration.Interceptor = Everything.Interceptor;
            configuration.AppendListeners(ListenerType.PostLoad, new IPostLoadEventListener[] { listener });
            return configuration;
        });
        using var factories = services.GetRequiredService<ReplicatedSessionFactories>();
        var (master, slave) = ((SessionFactoryImpl)factories.Master, (SessionFactoryImpl)factories.Slave);
        Assert.That((master.EventListeners.PostLoadEventListeners.Contains(listener), slave.EventListeners.PostLoadEventListeners.Contains(listener)), Is.EqualTo((true, true)));
        Assert.That((master.Interceptor, slave.Interceptor), Is.EqualTo((Everything.Interceptor, Everything.Interceptor)));
        master.EventListeners.PostLoadEventListeners[0] = new Listener();
        master.EventListeners.PreDeleteEventListeners = [];
        Assert.That(slave.EventListeners.PostLoadEventListeners[0], Is.Not.SameAs(master.EventListeners.PostLoadEventListeners[0]));
        Assert.That(slave.EventListeners.PreDeleteEventListeners, Is.Not.Empty);
    }

    [TestCase("a class of its own")]
    [TestCase("initialized")]
    [TestCase("cleaned up")]
    [TestCase("disposed")]
    public void What_could_not_be_shared_is_made_twice(string what)
    {
        List<Configuration> made = [];
        using (var services = Services(() =>
        {
            made.Add(Everything.Special(what));
            return made[^1];
        }))
        {
            services.GetRequiredService<ReplicatedSessionFactories>();
            Assert.That(made, Has.Count.EqualTo(2));
        }

        var one = Everything.Special(what);
        using var same = Services(() => one);
        Assert.That(() => same.GetRequiredService<ReplicatedSessionFactories>(), Throws.InvalidOperationException.With.Message.Contains("same configuration twice"));
    }

    [Test]
    public void They_are_built_at_the_same_time()
    {
        using var both = new Meeting(2);
        using var services = Services(() => Everything.Configuration(filters: false).SetProperty(Environment.Dialect, typeof(MeetingDialect).AssemblyQualifiedName));
        services.GetRequiredService<ReplicatedSessionFactories>();
        Assert.That(both.Met, Is.True);
    }

    [Test]
    public void Where_there_are_filters_one_is_built_after_the_other()
    {
        using var both = new Meeting(2, TimeSpan.Zero);
        using var services = Services(() => Everything.Configuration(filters: true).SetProperty(Environment.Dialect, typeof(MeetingDialect).AssemblyQualifiedName));
        services.GetRequiredService<ReplicatedSessionFactories>();
        Assert.That(both.Threads, Is.EqualTo(1));
    }

    [Test]
    public void An_error_of_one_closes_the_other_and_is_thrown_as_it_is([Values] DatabaseRole failing, [Values] bool filters)
    {
        FailingDialect.Name = failing == DatabaseRole.Master ? "failing" : "failing.slave";
        using var services = Services(() => Everything.Configuration(filters)
            .SetProperty(Environment.Dialect, typeof(FailingDialect).AssemblyQualifiedName).SetProperty(Environment.SessionFactoryName, "failing"));
        Assert.That(() => services.GetRequiredService<ReplicatedSessionFactories>(), Throws.InstanceOf<HibernateException>().With.InnerException.Message.EqualTo("on purpose"));
        Assert.That((SessionFactoryObjectFactory.GetNamedInstance("failing"), SessionFactoryObjectFactory.GetNamedInstance("failing.slave")), Is.EqualTo(((object?)null, (object?)null)));
    }

    [Test]
    public void Factories_that_do_not_fit_each_other_are_closed()
    {
        using var services = Services(() => Everything.Configuration().ShareSecondLevelCache()
            .SetProperty(Environment.CacheProvider, typeof(global::NHibernate.Cache.HashtableCacheProvider).AssemblyQualifiedName).SetProperty(Environment.SessionFactoryName, "unfit"));
        Assert.That(() => services.GetRequiredService<ReplicatedSessionFactories>(), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("a store of its own"));
        Assert.That((SessionFactoryObjectFactory.GetNamedInstance("unfit"), SessionFactoryObjectFactory.GetNamedInstance("unfit.slave")), Is.EqualTo(((object?)null, (object?)null)));
    }

    [Test]
    public async Task Closing_one_leaves_the_other_whole([Values] DatabaseRole closed)
    {
        await using var app = await SessionApp.StartAsync(configure: () => Database.Configure().BuildConfiguration().SetProperty(Environment.SessionFactoryName, "closing"));
        var key = Guid.NewGuid();
        (await app.Post(s => s.Save(new Note { Name = key.ToString() }))).Ok();
        await Database.Cluster.WaitForSlavesAsync();
        var (other, name) = closed == DatabaseRole.Master ? (app.Factories.Slave, "closing.slave") : (app.Factories.Master, "closing");
        (closed == DatabaseRole.Master ? app.Factories.Master : app.Factories.Slave).Close();
        Assert.That(SessionFactoryObjectFactory.GetNamedInstance(name), Is.SameAs(other));
        var answer = await app.Send(closed == DatabaseRole.Master ? HttpMethod.Get : HttpMethod.Post, "/run", context =>
            Task.FromResult(SessionApp.Done(context.Session().CreateQuery("from Note where Name = :name").SetString("name", key.ToString()).UniqueResult<Note>().Name)));
        Assert.That(answer.Ok().Body, Is.EqualTo(key.ToString()));
    }

    private static ServiceProvider Services(Func<Configuration> configure) => Everything.Services(configure);

    private sealed class Listener : IPostLoadEventListener
    {
        public void OnPostLoad(PostLoadEvent @event)
        {
        }
    }
}
