using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Registration;

namespace Replicated.NHibernate;

/// <summary>Registers routed plain connections.</summary>
public static class ReplicatedConnectionsServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="DbConnection"/>, routed to the master or a slave like a session, for Dapper or plain ADO.NET in applications
    /// that do not use NHibernate. The servers come from <c>ConnectionStrings:Master</c>, <c>ConnectionStrings:Slave</c> and the section
    /// <c>Replicated</c>. With NHibernate call <c>AddReplicatedNHibernate</c> instead, which registers it too.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="factory">The ADO.NET provider, such as <c>NpgsqlFactory.Instance</c>.</param>
    /// <param name="configure">Changes the options that the section <c>Replicated</c> gave.</param>
    /// <returns>A builder, for what all connections have in common.</returns>
    /// <exception cref="InvalidOperationException">Something of this library is registered already.</exception>
    public static IReplicatedBuilder AddReplicatedConnections(
        this IServiceCollection services, DbProviderFactory factory, Action<ReplicatedOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(factory);
        services.AddReplicatedCore(configure);
        services.AddSingleton(_ => DatabaseProvider.From(factory));
        return new ReplicatedBuilder(services);
    }

    private sealed record ReplicatedBuilder(IServiceCollection Services) : IReplicatedBuilder;
}
