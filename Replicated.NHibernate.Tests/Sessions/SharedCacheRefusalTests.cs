using System.Xml;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Engine;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Each combination of two factories that would show somebody stale rows is an exception that explains it, before anything is read.</summary>
[Promise(14)]
internal sealed class SharedCacheRefusalTests
{
    private readonly string _store = Guid.NewGuid().ToString();

    [OneTimeTearDown]
    public void Stop() => MemoryStore.Named(_store).Dispose();

    [Test]
    public void One_store_on_both_is_accepted_and_nothing_is_left_in_it([Values] bool fluent)
    {
        using var master = fluent ? Fluent(DatabaseRole.Master) : Built(DatabaseRole.Master);
        using var slave = fluent ? Fluent(DatabaseRole.Slave) : Built(DatabaseRole.Slave);
        Assert.That(Registering(master, slave), Throws.Nothing);
        Assert.That(((ISessionFactoryImplementor)slave).Settings.CacheProvider, Is.InstanceOf<SharedCacheProvider<MemoryCacheProvider>>());
        Assert.That(((ISessionFactoryImplementor)master).Settings.CacheProvider, Is.InstanceOf<MemoryCacheProvider>());
        Assert.That(MemoryStore.Named(_store).Count, Is.Zero);

        ISessionFactory Fluent(DatabaseRole role) => ShelfMap.Configure(_store).ExposeConfiguration(c => Offline(c)).ShareSecondLevelCache().UseReplicated(role).BuildSessionFactory();
    }

    [Test]
    public void The_slaves_part_can_stand_in_hibernate_cfg_xml([Values] bool hook)
    {
        using var master = Built(DatabaseRole.Master);
        var configuration = ShelfMap.Map(Offline(new Configuration().Configure(XmlReader.Create(new StringReader(Xml)))).SetProperty(MemoryCacheProvider.StoreProperty, _store));
        using var slave = (hook ? configuration.UseReplicated(DatabaseRole.Slave) : configuration).BuildSessionFactory();
        Assert.That(Registering(master, slave), Throws.Nothing);
        Assert.That(((ISessionFactoryImplementor)slave).Settings.CacheProvider, Is.InstanceOf<SharedCacheProvider<MemoryCacheProvider>>());
        Assert.That((((ISessionFactoryImplementor)slave).Settings.IsSecondLevelCacheEnabled, ((ISessionFactoryImplementor)slave).QueryCache.GetType()), Is.EqualTo((true, typeof(SharedQueryCache))));
    }

    [Test]
    public void NHibernates_own_provider_keeps_a_store_for_each_factory()
    {
        using var master = Built(DatabaseRole.Master, Hashtables);
        using var slave = Built(DatabaseRole.Slave, Hashtables);
        Refused(master, slave, "a store of its own", nameof(HashtableCacheProvider));
    }

    [Test]
    public void Without_a_slave_there_is_nobody_to_share_with()
    {
        using var master = Built(DatabaseRole.Master, Hashtables);
        Assert.That(Registering(master, master), Throws.Nothing);
    }

    [Test]
    public void Two_stores_are_not_one()
    {
        using var other = MemoryStore.Named($"{_store}-other");
        using var master = Built(DatabaseRole.Master);
        using var slave = Built(DatabaseRole.Slave, c => c.SetProperty(MemoryCacheProvider.StoreProperty, $"{_store}-other"));
        Refused(master, slave, "a store of its own", "same server and the same prefix");
    }

    [TestCase(Environment.CacheRegionPrefix, "other", "StandardQueryCache")]
    [TestCase(Environment.UseQueryCache, "false", "StandardQueryCache")]
    [TestCase(Environment.UseSecondLevelCache, "false", "Shelf")]
    public void A_region_that_the_master_does_not_have_is_named(string property, string mastersValue, string region)
    {
        using var master = Built(DatabaseRole.Master, c => c.SetProperty(property, mastersValue));
        using var slave = Built(DatabaseRole.Slave);
        Refused(master, slave, $"{region}' and the master's has not", property);
    }

    [Test]
    public void A_master_without_a_cache_invalidates_nothing()
    {
        using var master = Built(DatabaseRole.Master, c => c.SetProperty(Environment.UseSecondLevelCache, "false").SetProperty(Environment.UseQueryCache, "false"));
        using var slave = Built(DatabaseRole.Slave);
        Refused(master, slave, "nothing would invalidate it");
    }

    [Test]
    public void A_slave_that_uses_less_of_the_store_is_accepted([Values(Environment.UseQueryCache, Environment.UseSecondLevelCache)] string off)
    {
        using var master = Built(DatabaseRole.Master);
        using var slave = Built(DatabaseRole.Slave, c => c.SetProperty(off, "false"));
        Assert.That(Registering(master, slave), Throws.Nothing);
    }

    [Test]
    public void A_store_that_cannot_be_tried_is_named_with_its_own_error()
    {
        var gone = $"{_store}-gone";
        using var master = Built(DatabaseRole.Master, c => c.SetProperty(MemoryCacheProvider.StoreProperty, gone));
        using var slave = Built(DatabaseRole.Slave, c => c.SetProperty(MemoryCacheProvider.StoreProperty, gone));
        MemoryStore.Named(gone).Dispose();
        Assert.That(Registering(master, slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("could not be tried").And.InnerException.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_master_with_the_slaves_provider_is_an_error([Values] bool alone)
    {
        using var master = Built(DatabaseRole.Master, c => c.SetProperty(Environment.CacheProvider, typeof(SharedCacheProvider<MemoryCacheProvider>).AssemblyQualifiedName));
        using var slave = Built(DatabaseRole.Slave);
        Assert.That(Registering(master, alone ? master : slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("never puts an entry"));
    }

    [Test]
    public void Asked_for_on_the_master_alone_is_an_error()
    {
        using var master = Built(DatabaseRole.Master);
        using var slave = Configured().UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        Refused(master, slave, "on the configurations of both roles");
    }

    [Test]
    public void Asked_for_after_the_hook_is_an_error()
    {
        using var master = Configured().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Configured().UseReplicated(DatabaseRole.Slave).ShareSecondLevelCache().BuildSessionFactory();
        Refused(master, slave, "before UseReplicated(role)");
    }

    [Test]
    public void Asked_for_on_the_slave_alone_is_enough()
    {
        // What the master needs for it, its provider, it has.
        using var master = Configured().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Built(DatabaseRole.Slave);
        Assert.That(Registering(master, slave), Throws.Nothing);
    }

    [Test]
    public void The_plain_provider_on_a_slave_is_an_error()
    {
        using var master = Built(DatabaseRole.Master);
        using var slave = Configured().ShareSecondLevelCache().UseReplicated(DatabaseRole.Slave)
            .SetProperty(Environment.CacheProvider, typeof(MemoryCacheProvider).AssemblyQualifiedName).BuildSessionFactory();
        Assert.That(Registering(master, slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("fill with its late rows").And.Message.Contains("ShareSecondLevelCache()"));
    }

    [Test]
    public void Without_a_cache_there_is_nothing_to_share()
    {
        Configuration[] without =
        [
            Offline(new Configuration()),
            Offline(new Configuration()).SetProperty(Environment.CacheProvider, typeof(NoCacheProvider).AssemblyQualifiedName),
            Configured().SetProperty(Environment.UseSecondLevelCache, "false").SetProperty(Environment.UseQueryCache, "false"),
            Configured().SetProperty(Environment.CacheProvider, "My.Provider, My"),
        ];
        Assert.That(without.Select(c => Message(c.ShareSecondLevelCache())), Has.All.StartWith("The slaves cannot share the master's second-level cache: "));
        Assert.That(without.Select(c => Message(c)), Is.EqualTo((string[])
        [
            "set cache.provider_class", "set cache.provider_class", "set cache.use_second_level_cache or cache.use_query_cache to true", "(My.Provider, My) cannot be found",
        ]).Using<string>((message, expected) => message.Contains(expected, StringComparison.Ordinal)));

        static string Message(Configuration configuration)
        {
            Assert.That(() => configuration.UseReplicated(DatabaseRole.Master), Throws.Nothing, "nobody shares as long as no slave is configured");
            return Assert.Throws<HibernateConfigException>(() => configuration.UseReplicated(DatabaseRole.Slave))!.Message;
        }
    }

    [Test]
    public void Not_asked_for_the_slave_has_no_cache_also_where_the_provider_is_unknown()
    {
        var slave = Configured().SetProperty(Environment.CacheProvider, "My.Provider, My").UseReplicated(DatabaseRole.Slave);
        Assert.That((slave.GetProperty(Environment.UseSecondLevelCache), slave.GetProperty(Environment.UseQueryCache)), Is.EqualTo(("false", "false")));
    }

    [Test]
    public void A_second_call_of_the_hook_changes_nothing()
    {
        var once = Configured().ShareSecondLevelCache().UseReplicated(DatabaseRole.Slave);
        var before = new Dictionary<string, string>(once.Properties, StringComparer.Ordinal);
        Assert.That(once.UseReplicated(DatabaseRole.Slave).Properties, Is.EquivalentTo(before));
    }

    /// <summary>As docs/architecture.md has it.</summary>
    private static string Xml
    {
        get
        {
            using var file = new StreamReader(typeof(SharedCacheRefusalTests).Assembly.GetManifestResourceStream("Replicated.NHibernate.Tests.Sessions.slave.hibernate.cfg.xml")!);
            return file.ReadToEnd().Replace(
                "<property name=\"cache.use_second_level_cache\">false</property>",
                $"""
                <property name="cache.provider_class">Replicated.NHibernate.Sessions.SharedCacheProvider`1[[{typeof(MemoryCacheProvider).FullName}, Replicated.NHibernate.Tests]], Replicated.NHibernate</property>
                <property name="cache.query_cache_factory">Replicated.NHibernate.Sessions.SharedQueryCacheFactory, Replicated.NHibernate</property>
                """,
                StringComparison.Ordinal).Replace("<property name=\"cache.use_query_cache\">false", "<property name=\"cache.use_query_cache\">true", StringComparison.Ordinal);
        }
    }

    private static void Refused(ISessionFactory master, ISessionFactory slave, params string[] said)
    {
        var message = Assert.Throws<HibernateConfigException>(Registering(master, slave).Invoke)!.Message;
        Assert.That(said.Where(s => !message.Contains(s, StringComparison.Ordinal)), Is.Empty, message);
        Assert.That(message, Does.StartWith("The slaves cannot share").And.EndWith("Or leave ShareSecondLevelCache() out: then the slaves' factory has no cache."));
    }

    private static Action Registering(ISessionFactory master, ISessionFactory slave) => () => new ServiceCollection().AddReplicatedNHibernate(master, slave);

    private static void Hashtables(Configuration configuration) => configuration.SetProperty(Environment.CacheProvider, typeof(HashtableCacheProvider).AssemblyQualifiedName);

    private static Configuration Offline(Configuration configuration) => configuration
        .SetProperty(Environment.Dialect, typeof(global::NHibernate.Dialect.PostgreSQL83Dialect).AssemblyQualifiedName)
        .SetProperty(Environment.ConnectionDriver, typeof(global::NHibernate.Driver.NpgsqlDriver).AssemblyQualifiedName)
        .SetProperty(Environment.ConnectionString, "Host=127.0.0.1;Port=1");

    private Configuration Configured() => Offline(ShelfMap.Configure(_store).BuildConfiguration());

    private ISessionFactory Built(DatabaseRole role, Action<Configuration>? change = null)
    {
        var configuration = Configured().ShareSecondLevelCache();
        change?.Invoke(configuration);
        return configuration.UseReplicated(role).BuildSessionFactory();
    }
}
