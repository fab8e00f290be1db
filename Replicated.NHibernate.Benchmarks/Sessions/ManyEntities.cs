using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>As many entities as a grown application has: each with a version, seven columns, a reference and a collection.</summary>
internal static class ManyEntities
{
    public const int Count = 200;

    private static readonly Type[] Digits = [typeof(D0), typeof(D1), typeof(D2), typeof(D3), typeof(D4), typeof(D5)];

    private static readonly Type[] Maps = [.. Enumerable.Range(0, Count).Select(i =>
        typeof(EntryMap<,,>).MakeGenericType(Digits[i / 36], Digits[i / 6 % 6], Digits[i % 6]))];

    /// <summary>For servers that nobody asks for anything.</summary>
    public static FluentConfiguration Configure() => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<global::NHibernate.Dialect.PostgreSQL83Dialect>().ConnectionString(Unconnected.Server))
        .Mappings(m =>
        {
            m.FluentMappings.Add<OwnerMap>();
            foreach (var map in Maps)
            {
                m.FluentMappings.Add(map);
            }
        });

    /// <summary>One factory, as an application without this library builds it.</summary>
    public static global::NHibernate.ISessionFactory PlainFactory() => Configure()
        .ExposeConfiguration(c => c.SetProperty(global::NHibernate.Cfg.Environment.Hbm2ddlKeyWords, "none"))
        .BuildSessionFactory();

    public struct D0;

    public struct D1;

    public struct D2;

    public struct D3;

    public struct D4;

    public struct D5;
}

public class Owner
{
    public virtual Guid Id { get; set; }

    public virtual string Name { get; set; } = "";
}

public class Entry<T1, T2, T3>
{
    public virtual Guid Id { get; set; }

    public virtual int Version { get; set; }

    public virtual string Title { get; set; } = "";

    public virtual string? Text { get; set; }

    public virtual DateTime Written { get; set; }

    public virtual DateTime? Read { get; set; }

    public virtual decimal Price { get; set; }

    public virtual int Pieces { get; set; }

    public virtual bool IsOpen { get; set; }

    public virtual Owner? Owner { get; set; }

    public virtual ISet<string> Labels { get; set; } = new HashSet<string>();
}

internal sealed class OwnerMap : ClassMap<Owner>
{
    public OwnerMap()
    {
        Table("owner");
        Id(x => x.Id).GeneratedBy.GuidComb();
        Map(x => x.Name);
    }
}

internal sealed class EntryMap<T1, T2, T3> : ClassMap<Entry<T1, T2, T3>>
{
    public EntryMap()
    {
        var table = $"entry_{typeof(T1).Name}{typeof(T2).Name}{typeof(T3).Name}";
        Table(table);
        Id(x => x.Id).GeneratedBy.GuidComb();
        Version(x => x.Version);
        Map(x => x.Title).Length(200);
        Map(x => x.Text);
        Map(x => x.Written);
        Map(x => x.Read);
        Map(x => x.Price);
        Map(x => x.Pieces);
        Map(x => x.IsOpen);
        References(x => x.Owner).Column("owner_id");
        HasMany(x => x.Labels).Table($"{table}_label").KeyColumn("entry_id").Element("label").AsSet();
    }
}
