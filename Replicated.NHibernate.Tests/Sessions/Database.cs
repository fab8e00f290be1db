using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using NHibernate.Cache;
using NHibernate.Dialect;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A cluster for the tests of sessions, with the shop's tables.</summary>
[SetUpFixture]
internal sealed class Database
{
    private static PostgresCluster? _cluster;

    public static PostgresCluster Cluster => _cluster ?? throw new InvalidOperationException("The cluster has not been started.");

    public static PostgresNode Master => Cluster.Master;

    [OneTimeSetUp]
    public static async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema();
        await SharedCluster.Execute(Master, Shop.Schema);
        await _cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        NpgsqlConnection.ClearAllPools();
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
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
}
