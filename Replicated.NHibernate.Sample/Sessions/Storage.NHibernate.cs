using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample;

internal static partial class Storage
{
    static partial void AddNHibernate(IServiceCollection services, Database database, ref bool isAdded)
    {
        services.AddReplicatedNHibernate(() => Fluently.Configure()
            .Database(Persistence(database))
            .Mappings(m => m.FluentMappings.Add<PostMap>()));
        services.AddTransient<IPosts, NHibernatePosts>();
        isAdded = true;
    }

    private static IPersistenceConfigurer Persistence(Database database) =>
        database == Database.Sqlite ? SQLiteConfiguration.Standard.Driver<MicrosoftDataSqliteDriver>() : PostgreSQLConfiguration.PostgreSQL83;
}
