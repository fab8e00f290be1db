using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>An application without HTTP on cached shelves, each piece of work in a scope of its own.</summary>
internal sealed class ShelfApp : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private ShelfApp(ServiceProvider services) => _services = services;

    public ReplicatedSessionFactories Factories => _services.GetRequiredService<ReplicatedSessionFactories>();

    /// <summary>Each with the caches off on the slave, unless it is shared.</summary>
    public static ShelfApp Start(PostgresCluster cluster, string? store)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(TestApp.Settings(cluster)).Build());
        services.AddLogging();
        services.AddReplicatedNHibernate(() => store is null ? ShelfMap.Configure(store) : ShelfMap.Configure(store).ShareSecondLevelCache());
        return new ShelfApp(services.BuildServiceProvider());
    }

    public async Task<T> On<T>(DatabaseRole role, Func<ISession, Task<T>> work)
    {
        var factory = Factories.Master;
        await using var scope = _services.GetRequiredService<IReplicatedSessions>().BeginScope(role);
        var result = await work(factory.GetCurrentSession());
        await scope.CommitAsync();
        return result;
    }

    public Task<T> On<T>(DatabaseRole role, Func<ISession, T> work) => On(role, session => Task.FromResult(work(session)));

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}

internal static class Shelves
{
    /// <summary>Through the entity cache.</summary>
    public static int Number(this ISession session, int id) => session.Get<Shelf>(id).Number;

    /// <summary>Through the query cache.</summary>
    public static IQuery NumberQuery(this ISession session, int id) =>
        session.CreateQuery("select s.Number from Shelf s where s.Id = :id").SetInt32("id", id).SetCacheable(true);
}
