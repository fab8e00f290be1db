using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample;

internal static partial class Storage
{
    static partial void AddNHibernate(IServiceCollection services, ref bool isAdded)
    {
        services.AddReplicatedNHibernate(() => Fluently.Configure()
            .Database(PostgreSQLConfiguration.PostgreSQL83)
            .Mappings(m => m.FluentMappings.Add<PostMap>()));
        services.AddTransient<IPosts, NHibernatePosts>();
        isAdded = true;
    }
}
