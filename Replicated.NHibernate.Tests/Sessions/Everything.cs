using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting.Internal;
using NHibernate;
using NHibernate.Cfg;
using NHibernate.Dialect.Function;
using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Persister.Entity;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A configuration with something of each kind that NHibernate's mappings can hold, and what a factory tells of it.</summary>
internal static class Everything
{
    private const string Mapping =
        """
        <?xml version="1.0" encoding="utf-8"?>
        <hibernate-mapping xmlns="urn:nhibernate-mapping-2.2" assembly="Replicated.NHibernate.Tests" namespace="Replicated.NHibernate.Tests.Sessions">
          <import class="InvoiceLine" rename="Line" />
          <class name="Invoice" table="invoice">
            <cache usage="read-write" region="invoices" />
            <id name="Id"><generator class="assigned" /></id>
            <version name="Version" unsaved-value="0" />
            <property name="Name" />
            <bag name="Lines" inverse="true" cascade="all-delete-orphan"><cache usage="read-write" /><key column="invoice_id" /><one-to-many class="InvoiceLine" /></bag>
            <set name="Labels" table="invoice_label"><key column="invoice_id" /><element column="label" type="string" /></set>
          </class>
          <class name="InvoiceLine" table="invoice_line">
            <id name="Id"><generator class="guid.comb" /></id>
            <many-to-one name="Invoice" column="invoice_id" />
            <property name="Name" />
          </class>
          <class name="Animal" table="animal">
            <id name="Id"><generator class="assigned" /></id>
            <property name="Name" />
            <joined-subclass name="Dog" table="dog"><key column="animal_id" /><property name="Breed" /></joined-subclass>
          </class>
          <resultset name="names"><return-scalar column="name" type="string" /></resultset>
          <query name="by name">from Invoice where Name = :name</query>
          <sql-query name="all names" resultset-ref="names">select name from invoice</sql-query>
        </hibernate-mapping>
        """;

    private const string Filters =
        """
        <?xml version="1.0" encoding="utf-8"?>
        <hibernate-mapping xmlns="urn:nhibernate-mapping-2.2" assembly="Replicated.NHibernate.Tests" namespace="Replicated.NHibernate.Tests.Sessions">
          <class name="Note" table="note">
            <id name="Id"><generator class="guid.comb" /></id>
            <property name="Name" />
            <filter name="named" />
          </class>
          <filter-def name="named" condition="name = :named.name"><filter-param name="name" type="string" /></filter-def>
        </hibernate-mapping>
        """;

    private const string Nobody = "Host=127.0.0.1;Port=1;Database=none;Username=nobody";

    public static IInterceptor Interceptor { get; } = new EmptyInterceptor();

    public static Configuration Configuration() => Configuration(filters: true);

    public static Configuration Configuration(bool filters) => Fill(new Configuration(), filters);

    /// <summary>A configuration that is, or has, something of which there must be one for each factory.</summary>
    public static Configuration Special(string what)
    {
        var configuration = Fill(what == "a class of its own" ? new Derived() : new Configuration(), filters: true);
        IPostLoadEventListener? listener = what switch
        {
            "initialized" => new Initialized(),
            "cleaned up" => new CleanedUp(),
            "disposed" => new Disposed(),
            _ => null,
        };
        if (listener is not null)
        {
            configuration.AppendListeners(ListenerType.PostLoad, new[] { listener });
        }

        return configuration;
    }

    public static string[] KnownTo(ISessionFactory factory)
    {
        var f = (ISessionFactoryImplementor)factory;
        return
        [
            .. f.GetAllClassMetadata().Keys.Order(StringComparer.Ordinal),
            .. f.GetAllCollectionMetadata().Keys.Order(StringComparer.Ordinal),
            .. f.DefinedFilterNames,
            .. f.DefinedFilterNames.Select(name => f.GetFilterDefinition(name).DefaultFilterCondition),
            f.GetImportedClassName("Line"),
            f.GetNamedQuery("by name")?.QueryString ?? "missing",
            f.GetNamedSQLQuery("all names")?.QueryString ?? "missing",
            f.GetResultSetMapping("names")?.Name ?? "missing",
            f.SQLFunctionRegistry.FindSQLFunction("twice")?.ToString() ?? "missing",
            string.Join(' ', f.GetEntityPersister(typeof(Dog).FullName).QuerySpaces),
            .. f.GetAllClassMetadata().Keys.Order(StringComparer.Ordinal).Select(name => Columns(f.GetEntityPersister(name))),
        ];
    }

    /// <summary>The library over the configuration, with servers that are configured but never asked for anything.</summary>
    public static ServiceProvider Services(Func<Configuration> configure)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Slave"] = Nobody + ";Application Name=slave",
        }).Build();
        return new ServiceCollection()
            .AddLogging()
            .AddSingleton<IConfiguration>(settings)
            .AddSingleton<Microsoft.Extensions.Hosting.IHostEnvironment>(new HostingEnvironment { ApplicationName = "tests" })
            .AddReplicatedNHibernate(configure)
            .Services.BuildServiceProvider();
    }

    private static string Columns(IEntityPersister persister)
    {
        var columns = persister.PropertyNames.SelectMany(((AbstractEntityPersister)persister).GetPropertyColumnNames);
        return $"{persister.IdentifierType.Name} {string.Join(' ', persister.PropertyTypes.Select(t => t.Name))} {string.Join(' ', columns)}";
    }

    private static Configuration Fill(Configuration configuration, bool filters)
    {
        configuration.SetProperty(Environment.Dialect, typeof(global::NHibernate.Dialect.PostgreSQL83Dialect).AssemblyQualifiedName)
            .SetProperty(Environment.ConnectionDriver, typeof(global::NHibernate.Driver.NpgsqlDriver).AssemblyQualifiedName)
            .SetProperty(Environment.ConnectionString, Nobody)
            .SetProperty(Environment.Hbm2ddlKeyWords, "none")
            .AddXml(Mapping)
            .AddSqlFunction("twice", new StandardSQLFunction("twice"));
        return filters ? configuration.AddXml(Filters) : configuration;
    }

    private sealed class Derived : Configuration;

    private sealed class Initialized : IPostLoadEventListener, IInitializable
    {
        public void Initialize(Configuration cfg)
        {
        }

        public void OnPostLoad(PostLoadEvent @event)
        {
        }
    }

    private sealed class CleanedUp : IPostLoadEventListener, IDestructible
    {
        public void Cleanup()
        {
        }

        public void OnPostLoad(PostLoadEvent @event)
        {
        }
    }

    private sealed class Disposed : IPostLoadEventListener, IDisposable
    {
        public void Dispose()
        {
        }

        public void OnPostLoad(PostLoadEvent @event)
        {
        }
    }
}
