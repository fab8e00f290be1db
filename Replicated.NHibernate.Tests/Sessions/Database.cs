using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using NHibernate.Cache;
using NHibernate.Dialect;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A cluster for the tests of sessions, with the shop's tables. Started by the first test that asks.</summary>
[SetUpFixture]
internal sealed class Database
{
    private static readonly Lazy<PostgresCluster> Shared = new(() => Start().GetAwaiter().GetResult());

    public static PostgresCluster Cluster => Shared.Value;

    public static PostgresNode Master => Cluster.Master;

    [OneTimeTearDown]
    public static async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        if (Shared.IsValueCreated)
        {
            await Shared.Value.DisposeAsync();
        }
    }

    /// <summary>Beside the library, on the master.</summary>
    public static Task<T> Ask<T>(string sql) => SharedCluster.Ask<T>(Master, sql);

    public static Task Execute(string sql) => SharedCluster.Execute(Master, sql);

    /// <summary>The shop on FluentNHibernate, as an application would configure it.</summary>
    public static FluentConfiguration Configure() => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<PostgreSQL83Dialect>())
        .Cache(c => c.UseSecondLevelCache().UseQueryCache().ProviderClass<HashtableCacheProvider>())
        .Mappings(m =>
        {
            foreach (var map in new[] { typeof(NoteMap), typeof(CounterMap), typeof(TicketMap), typeof(CouponMap), typeof(InvoiceMap), typeof(InvoiceLineMap), typeof(SettingMap), typeof(AnimalMap), typeof(DogMap) })
            {
                m.FluentMappings.Add(map);
            }
        });

    private static async Task<PostgresCluster> Start()
    {
        var cluster = await SharedCluster.StartWithSchema();
        await SharedCluster.Execute(cluster.Master, Shop.Schema);
        await cluster.WaitForSlavesAsync();
        return cluster;
    }
}
