using System.Net;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Cfg;
using NHibernate.Engine;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Factories that the application builds alone, with the hook; and what the hook does to a configuration.</summary>
internal sealed class HookTests
{
    public static readonly string[] Ways = ["on Configuration", "on FluentConfiguration", "properties of hibernate.cfg.xml alone", "on hibernate.cfg.xml"];

    [TestCaseSource(nameof(Ways)), Promise(5)]
    public async Task Two_factories_built_alone_are_routed(string way)
    {
        using var master = Build(way, DatabaseRole.Master, Database.Master.ConnectionString);
        using var slave = Build(way, DatabaseRole.Slave, Database.Cluster.Slaves[0].ConnectionString);
        // The slave's own connection string is the slave: nothing else names one.
        await using (var app = await SessionApp.StartAsync(services: s => s.AddReplicatedNHibernate(master, slave), slaves: 0))
        {
            var name = Guid.NewGuid().ToString();
            (await app.Post(session => session.Save(new Note { Name = name }))).Ok();
            Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(1));
            var get = await app.Get(session => (session.Scalar("show port"), session.Scalar("select pg_is_in_recovery()"), ReferenceEquals(session.SessionFactory, slave)));
            Assert.That(get.Ok().Body, Is.EqualTo($"({Database.Cluster.Slaves[0].Port}, True, True)"));
            Assert.That((await app.Get(session => session.Save(new Note()))).Thrown, Is.InstanceOf<SlaveWriteException>());
            Assert.That((await app.Get(session => ReferenceEquals(session, master.GetCurrentSession()) && ReferenceEquals(session, slave.GetCurrentSession()))).Ok().Body, Is.EqualTo("True"));
        }

        Assert.That((master.IsClosed, slave.IsClosed), Is.EqualTo((false, false)), "they stay the application's to close");
    }

    [Test]
    public void A_factory_without_the_hook_is_refused_with_the_remedy()
    {
        using var plain = Plain().BuildSessionFactory();
        using var master = Plain().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        Assert.That(Registering(plain, master), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("UseReplicated(DatabaseRole.Master or .Slave)"));
        Assert.That(Registering(master, plain), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("UseReplicated(DatabaseRole.Master or .Slave)"));
    }

    [TestCase(Environment.CurrentSessionContextClass, "thread_static")]
    [TestCase(Environment.ConnectionProvider, "NHibernate.Connection.DriverConnectionProvider")]
    [TestCase(Environment.TransactionStrategy, "NHibernate.Transaction.AdoNetTransactionFactory")]
    [TestCase(Environment.UseSecondLevelCache, "true")]
    [TestCase(Environment.UseQueryCache, "true")]
    [TestCase(Environment.AutoJoinTransaction, "true")]
    public void A_property_that_was_changed_after_the_hook_is_named(string property, string value)
    {
        using var master = Plain().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        var changed = Plain().UseReplicated(DatabaseRole.Slave).SetProperty(property, value)
            .SetProperty(Environment.CacheProvider, typeof(global::NHibernate.Cache.HashtableCacheProvider).AssemblyQualifiedName);
        ISessionFactory slave;
        try
        {
            slave = changed.BuildSessionFactory();
        }
        catch (HibernateConfigException early)
        {
            // Our own parts do not work without each other.
            Assert.That(early.Message, Does.Contain("UseReplicated"));
            return;
        }

        using (slave)
        {
            Assert.That(Registering(master, slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains(property));
        }
    }

    [Test]
    public void A_slave_that_changes_the_schema_is_refused()
    {
        using var master = Plain().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Plain().UseReplicated(DatabaseRole.Slave).SetProperty(Environment.Hbm2ddlAuto, "update").BuildSessionFactory();
        Assert.That(Registering(master, slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("hbm2ddl.auto"));
    }

    [Test]
    public void Exchanged_factories_are_an_error()
    {
        using var master = Plain().UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = Plain().UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        Assert.That(Registering(slave, master), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("exchanged"));
        Assert.That(Registering(master, master), Throws.Nothing, "one factory for both is a master without slaves");
    }

    [Test]
    public void Factories_of_one_configuration_are_an_error()
    {
        var configuration = Plain();
        using var master = configuration.UseReplicated(DatabaseRole.Master).BuildSessionFactory();
        using var slave = configuration.UseReplicated(DatabaseRole.Slave).BuildSessionFactory();
        Assert.That(Registering(master, slave), Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("one Configuration"));
    }

    [TestCase(Environment.ConnectionProvider, "My.Provider, My")]
    [TestCase(Environment.TransactionStrategy, "My.TransactionFactory, My")]
    public void A_part_of_the_applications_own_whose_place_is_needed_is_an_error(string property, string own) =>
        Assert.That(() => Plain().SetProperty(property, own).UseReplicated(DatabaseRole.Master),
            Throws.InstanceOf<HibernateConfigException>().With.Message.Contains(property).And.Message.Contains(own));

    [Test]
    public void A_second_call_of_the_hook_changes_nothing()
    {
        var once = Plain().SetProperty(Environment.BatchStrategy, "My.BatcherFactory, My").UseReplicated(DatabaseRole.Master);
        var before = new Dictionary<string, string>(once.Properties, StringComparer.Ordinal);
        Assert.That(once.UseReplicated(DatabaseRole.Master).Properties, Is.EquivalentTo(before));
    }

    [Test, Promise(14)]
    public void On_a_slave_there_are_no_caches_no_schema_and_no_name_that_the_master_has()
    {
        var master = Configured(DatabaseRole.Master);
        var slave = Configured(DatabaseRole.Slave);
        using (master)
        using (slave)
        {
            var (m, s) = (((ISessionFactoryImplementor)master).Settings, ((ISessionFactoryImplementor)slave).Settings);
            Assert.That((m.IsSecondLevelCacheEnabled, m.IsQueryCacheEnabled, m.AutoJoinTransaction, m.SessionFactoryName), Is.EqualTo((true, true, true, "shop")));
            Assert.That((s.IsSecondLevelCacheEnabled, s.IsQueryCacheEnabled, s.AutoJoinTransaction, s.SessionFactoryName), Is.EqualTo((false, false, false, "shop.slave")));
            Assert.That((s.IsAutoCreateSchema, s.IsAutoDropSchema, s.IsAutoUpdateSchema, s.IsAutoValidateSchema), Is.EqualTo((false, false, false, false)));
        }

        static ISessionFactory Configured(DatabaseRole role)
        {
            var configuration = Database.Configure().BuildConfiguration()
                .SetProperty(Environment.ConnectionString, Database.Master.ConnectionString)
                .SetProperty(Environment.SessionFactoryName, "shop");
            if (role == DatabaseRole.Slave)
            {
                configuration.SetProperty(Environment.Hbm2ddlAuto, "create-drop");
            }

            return configuration.UseReplicated(role).BuildSessionFactory();
        }
    }

    [Test]
    public async Task The_masters_schema_is_still_made_and_the_slave_does_not_drop_it()
    {
        await Database.Execute("drop table if exists note_of_schema");
        static Configuration Made() => FluentNHibernate.Cfg.Fluently.Configure(Plain()).Mappings(m => m.FluentMappings.Add<MadeMap>()).BuildConfiguration()
            .SetProperty(Environment.ConnectionString, Database.Master.ConnectionString).SetProperty(Environment.Hbm2ddlAuto, "create-drop");
        using (Made().UseReplicated(DatabaseRole.Master).BuildSessionFactory())
        {
            Assert.That(await Exists(), Is.True);
            Made().UseReplicated(DatabaseRole.Slave).BuildSessionFactory().Dispose();
            Assert.That(await Exists(), Is.True, "also where both point to one development database");
        }

        Assert.That(await Exists(), Is.False);

        static Task<bool> Exists() => Database.Ask<bool>("select to_regclass('note_of_schema') is not null");
    }

    [Test]
    public async Task NHibernates_schema_tools_do_not_work_in_the_scope_in_which_they_are_called()
    {
        await using var app = await SessionApp.StartAsync();
        var configuration = FluentNHibernate.Cfg.Fluently.Configure(Plain()).Mappings(m => m.FluentMappings.Add<MadeMap>()).BuildConfiguration().UseReplicated(DatabaseRole.Master);
        await using (app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            app.Factories.Master.GetCurrentSession().Scalar("select 1");
            await new global::NHibernate.Tool.hbm2ddl.SchemaExport(configuration).CreateAsync(useStdOut: false, execute: true);
        }

        Assert.That(await Database.Ask<bool>("select to_regclass('note_of_schema') is not null"), Is.True, "although the scope was rolled back");
        await Database.Execute("drop table note_of_schema");
    }

    [Test, Promise(13)]
    public async Task Factories_are_built_and_the_application_starts_while_every_server_is_down()
    {
        const string Down = "Host=127.0.0.1;Port=1;Username=postgres;Database=postgres;Timeout=1";
        await using var app = await SessionApp.StartAsync(new()
        {
            ["ConnectionStrings:Master"] = Down,
            ["ConnectionStrings:Slave"] = Down + ";Application Name=slave",
        }, slaves: 1);
        Assert.That(app.Factories.Slave, Is.Not.SameAs(app.Factories.Master));
        Assert.That((await app.Post(session => session.Backend())).Status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }

    [Test]
    public async Task Auto_quoting_of_reserved_words_works_on_both([Values("GET", "POST")] string verb)
    {
        await using var app = await SessionApp.StartAsync(configure: () => FluentNHibernate.Cfg.Fluently.Configure(Plain())
            .Mappings(m => m.FluentMappings.Add<UserMap>()).BuildConfiguration().SetProperty(Environment.Hbm2ddlKeyWords, "auto-quote"));
        var key = Guid.NewGuid();
        await Database.Execute($"insert into \"user\" values ('{key}', 'reserved', 7)");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await app.Send(new HttpMethod(verb), "/run", context => Task.FromResult(SessionApp.Done(context.Session().Get<User>(key).Order)));
        Assert.That(answer.Ok().Body, Is.EqualTo("7"));
    }

    private static Action Registering(ISessionFactory master, ISessionFactory slave) => () => new ServiceCollection().AddReplicatedNHibernate(master, slave);

    private static Configuration Plain() => new Configuration()
        .SetProperty(Environment.Dialect, typeof(global::NHibernate.Dialect.PostgreSQL83Dialect).AssemblyQualifiedName)
        .SetProperty(Environment.ConnectionDriver, typeof(global::NHibernate.Driver.NpgsqlDriver).AssemblyQualifiedName)
        .SetProperty(Environment.ConnectionString, Database.Master.ConnectionString)
        .SetProperty(Environment.Hbm2ddlKeyWords, "none");

    private static ISessionFactory Build(string way, DatabaseRole role, string connectionString) => way switch
    {
        "on Configuration" => With(Database.Configure().BuildConfiguration(), connectionString).UseReplicated(role).BuildSessionFactory(),
        "on FluentConfiguration" => Database.Configure().ExposeConfiguration(c => With(c, connectionString)).UseReplicated(role).BuildSessionFactory(),
        "on hibernate.cfg.xml" => With(Xml(DatabaseRole.Master), connectionString).UseReplicated(role).BuildSessionFactory(),
        _ => With(Xml(role), connectionString).BuildSessionFactory(),
    };

    private static Configuration With(Configuration configuration, string connectionString) => configuration.SetProperty(Environment.ConnectionString, connectionString);

    private static Configuration Xml(DatabaseRole role) =>
        new Configuration().Configure(Assembly.GetExecutingAssembly(), $"Replicated.NHibernate.Tests.Sessions.{role.Name()}.hibernate.cfg.xml");
}

public class Made
{
    public virtual Guid Id { get; set; }
}

internal sealed class MadeMap : FluentNHibernate.Mapping.ClassMap<Made>
{
    public MadeMap()
    {
        Table("note_of_schema");
        Id(x => x.Id).GeneratedBy.Assigned();
    }
}

public class User
{
    public virtual Guid Id { get; set; }

    public virtual string Name { get; set; } = "";

    public virtual int Order { get; set; }
}

internal sealed class UserMap : FluentNHibernate.Mapping.ClassMap<User>
{
    public UserMap()
    {
        Table("user");
        Id(x => x.Id).GeneratedBy.Assigned();
        Map(x => x.Name);
        Map(x => x.Order).Column("order");
    }
}
