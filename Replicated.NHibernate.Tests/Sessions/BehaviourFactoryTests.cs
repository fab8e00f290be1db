using NHibernate;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Engine;
using NHibernate.Impl;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the library assumes of two factories in one process, and of their caches.</summary>
internal sealed class BehaviourFactoryTests
{
    private const string Down = "Host=127.0.0.1;Port=1;Timeout=1";

    [Test]
    public void Factories_of_one_configuration_share_their_listeners()
    {
        // Why each role needs a configuration of its own.
        var configuration = BehaviourFactory.Configured(Down);
        using var first = configuration.BuildSessionFactory();
        using var second = configuration.BuildSessionFactory();
        Assert.That(((SessionFactoryImpl)first).EventListeners, Is.SameAs(((SessionFactoryImpl)second).EventListeners));
        using var other = BehaviourFactory.Configured(Down).BuildSessionFactory();
        Assert.That(((SessionFactoryImpl)first).EventListeners, Is.Not.SameAs(((SessionFactoryImpl)other).EventListeners));
    }

    [Test]
    public void Building_connects_unless_hbm2ddl_keywords_is_none()
    {
        // Why the hook sets it: a slave that is down must not keep the application from starting.
        var configuration = BehaviourFactory.Configured(Down);
        configuration.Properties.Remove(Environment.Hbm2ddlKeyWords);
        Assert.That(configuration.BuildSessionFactory, Throws.Exception);
        Assert.That(() => BehaviourFactory.Configured(Down).BuildSessionFactory().Dispose(), Throws.Nothing);
    }

    [Test]
    public void Without_keywords_a_reserved_name_is_not_quoted()
    {
        // Why the hook quotes by itself where auto-quote was asked for.
        using var factory = FluentNHibernate.Cfg.Fluently.Configure(BehaviourFactory.Configured(Database.Master.ConnectionString))
            .Mappings(m => m.FluentMappings.Add<UserMap>()).BuildSessionFactory();
        using var session = factory.OpenSession();
        Assert.That(() => session.Get<User>(Guid.NewGuid()), Throws.Exception);
    }

    [Test]
    public async Task A_factory_with_create_drop_drops_the_schema_when_it_is_closed()
    {
        // Why a slave's factory has no hbm2ddl.auto.
        var factory = FluentNHibernate.Cfg.Fluently.Configure(new Configuration())
            .Database(FluentNHibernate.Cfg.Db.PostgreSQLConfiguration.PostgreSQL82.ConnectionString(Database.Master.ConnectionString))
            .Mappings(m => m.FluentMappings.Add<DroppedMap>())
            .ExposeConfiguration(c => c.SetProperty(Environment.Hbm2ddlAuto, "create-drop")).BuildSessionFactory();
        Assert.That(await Exists(), Is.True);
        factory.Dispose();
        Assert.That(await Exists(), Is.False);

        static Task<bool> Exists() => Database.Ask<bool>("select to_regclass('note_dropped') is not null");
    }

    [Test]
    public void Factories_of_one_name_take_each_others_place()
    {
        // Why the slave's gets a name of its own.
        var name = BehaviourFactory.Key();
        var first = BehaviourFactory.Configured(Down, c => c.SetProperty(Environment.SessionFactoryName, name)).BuildSessionFactory();
        using var second = BehaviourFactory.Configured(Down, c => c.SetProperty(Environment.SessionFactoryName, name)).BuildSessionFactory();
        Assert.That(SessionFactoryObjectFactory.GetNamedInstance(name), Is.SameAs(second));
        first.Dispose();
        Assert.That(SessionFactoryObjectFactory.GetNamedInstance(name), Is.Null);
    }

    [Test]
    public async Task A_factorys_cache_does_not_hear_of_what_the_other_factory_wrote()
    {
        // Why a slave's factory has no caches.
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        using var writing = BehaviourFactory.OnMaster();
        using var reading = BehaviourFactory.OnMaster();
        Assert.That(Read(), Is.EqualTo("before"));
        using (var session = writing.OpenSession())
        using (var transaction = session.BeginTransaction())
        {
            session.Get<Setting>(key).Name = "after";
            transaction.Commit();
        }

        Assert.That((await Database.Ask<string>($"select name from setting where id = '{key}'"), Read()), Is.EqualTo(("after", "before")));

        string Read()
        {
            using var session = reading.OpenSession();
            using var transaction = session.BeginTransaction();
            var name = session.Get<Setting>(key).Name;
            transaction.Commit();
            return name;
        }
    }

    [Test]
    public void A_key_in_the_cache_does_not_say_whose_it_is()
    {
        // Why two factories on one cache store would read each other's rows.
        using var first = BehaviourFactory.Configured(Down).BuildSessionFactory();
        using var second = BehaviourFactory.Configured(Down).BuildSessionFactory();
        var id = Guid.NewGuid();
        Assert.That(Of(first), Is.EqualTo(Of(second)));

        CacheKey Of(ISessionFactory factory)
        {
            using var session = factory.OpenSession();
            return session.GetSessionImplementation().GenerateCacheKey(id, NHibernateUtil.Guid, typeof(Setting).FullName);
        }
    }

    [Test]
    public void The_second_level_cache_is_on_by_default_without_a_provider()
    {
        // Why a slave's factory is refused only where it has a provider.
        using var factory = new Configuration().SetProperty(Environment.Dialect, typeof(global::NHibernate.Dialect.PostgreSQL83Dialect).AssemblyQualifiedName)
            .SetProperty(Environment.ConnectionDriver, typeof(global::NHibernate.Driver.NpgsqlDriver).AssemblyQualifiedName)
            .SetProperty(Environment.ConnectionString, Down).SetProperty(Environment.Hbm2ddlKeyWords, "none").BuildSessionFactory();
        var settings = ((ISessionFactoryImplementor)factory).Settings;
        Assert.That((settings.IsSecondLevelCacheEnabled, settings.CacheProvider.GetType()), Is.EqualTo((true, typeof(NoCacheProvider))));
    }
}

public class Dropped
{
    public virtual Guid Id { get; set; }
}

internal sealed class DroppedMap : FluentNHibernate.Mapping.ClassMap<Dropped>
{
    public DroppedMap()
    {
        Table("note_dropped");
        Id(x => x.Id).GeneratedBy.Assigned();
    }
}
