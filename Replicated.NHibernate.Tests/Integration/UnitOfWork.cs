using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>One of the two ways to work on a route; the tests of HTTP, scopes and nodes run over both.</summary>
internal sealed partial class UnitOfWork(string name, Action<IServiceCollection, Action<ReplicatedOptions>?> register)
{
    public static readonly UnitOfWork Connection = new("Connection", (services, options) =>
    {
        services.AddReplicatedConnections(NpgsqlFactory.Instance, options);
        services.AddScoped<IBoard, ConnectionBoard>();
    });

    /// <summary>For <c>[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]</c>.</summary>
    public static IEnumerable<UnitOfWork> All
    {
        get
        {
            UnitOfWork? nhibernate = null;
            AddNHibernate(ref nhibernate);
            return nhibernate is null ? [Connection] : [nhibernate, Connection];
        }
    }

    public string Name { get; } = name;

    public void Register(IServiceCollection services, Action<ReplicatedOptions>? options = null) => register(services, options);

    public override string ToString() => Name;

    static partial void AddNHibernate(ref UnitOfWork? unit);
}
