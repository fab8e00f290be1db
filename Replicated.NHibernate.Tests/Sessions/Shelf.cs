using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;
using NHibernate.Cache;
using NHibernate.Cfg;
using NHibernate.Dialect;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A cached entity without a version: NHibernate cannot tell an old row of it from a new one.</summary>
public class Shelf
{
    public virtual int Id { get; set; }

    public virtual int Number { get; set; }

    /// <summary>Loaded together with it.</summary>
    public virtual Shelf? Next { get; set; }

    public virtual ISet<string> Labels { get; protected set; } = new HashSet<string>(StringComparer.Ordinal);
}

internal sealed class ShelfMap : ClassMap<Shelf>
{
    public const string Tables =
        """
        create table shelf (id int primary key, number int not null, next_id int);
        create table shelf_label (shelf_id int not null references shelf, label text not null, primary key (shelf_id, label));
        """;

    public ShelfMap()
    {
        Table("shelf");
        Id(x => x.Id).GeneratedBy.Assigned();
        Map(x => x.Number);
        References(x => x.Next).Column("next_id").Not.LazyLoad().Fetch.Select();
        HasMany(x => x.Labels).Table("shelf_label").KeyColumn("shelf_id").Element("label").AsSet().Cache.ReadWrite();
        Cache.ReadWrite();
    }

    /// <summary>Both caches on a provider; with a store's name on the one that is shared.</summary>
    public static FluentConfiguration Configure(string? store) => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<PostgreSQL83Dialect>())
        .Cache(c => (store is null ? c.ProviderClass<HashtableCacheProvider>() : c.ProviderClass<MemoryCacheProvider>()).UseSecondLevelCache().UseQueryCache())
        .Mappings(m => m.FluentMappings.Add<ShelfMap>())
        .ExposeConfiguration(c => c.SetProperty(Environment.GenerateStatistics, "true").SetProperty(MemoryCacheProvider.StoreProperty, store ?? ""));

    public static Configuration Map(Configuration configuration) => Fluently.Configure(configuration).Mappings(m => m.FluentMappings.Add<ShelfMap>()).BuildConfiguration();

    /// <summary>Plain NHibernate on one server, with a part in a store of others.</summary>
    public static global::NHibernate.ISessionFactory Plain(string store, string connectionString, Action<Configuration>? change = null)
    {
        var configuration = Configure(store).BuildConfiguration().SetProperty(Environment.ConnectionString, connectionString).SetProperty(Environment.Hbm2ddlKeyWords, "none");
        change?.Invoke(configuration);
        return configuration.BuildSessionFactory();
    }
}
