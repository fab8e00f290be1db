using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;

namespace Replicated.NHibernate.Benchmarks;

public class Post
{
    public virtual Guid Id { get; set; }

    public virtual string Title { get; set; } = "";

    public virtual string Body { get; set; } = "";

    public virtual DateTime Written { get; set; }
}

internal sealed class PostMap : ClassMap<Post>
{
    public PostMap()
    {
        Table("post");
        Id(p => p.Id).GeneratedBy.GuidComb();
        Map(p => p.Title);
        Map(p => p.Body);
        Map(p => p.Written);
    }
}

internal static class Model
{
    public const string Schema = "create table post (id uuid primary key, title text not null, body text not null, written timestamp not null)";

    /// <summary>The mappings that every application of the benchmarks has.</summary>
    public static FluentConfiguration Configure() => Configure<global::NHibernate.Driver.NpgsqlDriver>();

    public static FluentConfiguration Configure<TDriver>()
        where TDriver : global::NHibernate.Driver.IDriver => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<global::NHibernate.Dialect.PostgreSQL83Dialect>().Driver<TDriver>())
        .Mappings(m => m.FluentMappings.Add<PostMap>());

    /// <summary>A factory as an application without this library builds it.</summary>
    public static global::NHibernate.ISessionFactory PlainFactory(string connectionString, Func<FluentConfiguration>? configure = null)
    {
        var configuration = (configure ?? Configure)().BuildConfiguration();
        configuration.SetProperty(global::NHibernate.Cfg.Environment.ConnectionString, connectionString);
        configuration.SetProperty(global::NHibernate.Cfg.Environment.Hbm2ddlKeyWords, "none");
        return configuration.BuildSessionFactory();
    }
}
