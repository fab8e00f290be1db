using NHibernate.Cache;
using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>The shop on another database than PostgreSQL: a writable server of its own.</summary>
internal abstract class OtherDatabase : IAsyncDisposable
{
    private static readonly Type[] Maps =
    [
        typeof(NoteMap), typeof(CounterMap), typeof(CouponMap), typeof(InvoiceMap), typeof(InvoiceLineMap), typeof(SettingMap), typeof(AnimalMap), typeof(DogMap), typeof(VoucherMap),
    ];

    public abstract string ConnectionString { get; }

    /// <summary>The database for NHibernate.</summary>
    protected abstract IPersistenceConfigurer Persistence { get; }

    /// <summary>Beside the library.</summary>
    public abstract Task Execute(string sql);

    /// <summary>Every row and every table, so that a difference is a write.</summary>
    public abstract Task<HashSet<string>> Everything();

    public abstract ValueTask DisposeAsync();

    public override string ToString() => GetType().Name;

    public global::NHibernate.Cfg.Configuration Configure()
    {
        var configuration = Fluently.Configure()
            .Database(Persistence)
            .Cache(c => c.UseSecondLevelCache().UseQueryCache().ProviderClass<HashtableCacheProvider>())
            .Mappings(m => Array.ForEach(Maps, map => m.FluentMappings.Add(map)))
            .BuildConfiguration();
        configuration.AppendListeners(global::NHibernate.Event.ListenerType.PostLoad, new global::NHibernate.Event.IPostLoadEventListener[] { new Listening() });
        return configuration.SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true");
    }
}
