using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate;

/// <summary>What every connection of a scope is opened with, said once.</summary>
public static class ReplicatedBuilderExtensions
{
    /// <summary>
    /// Has <paramref name="handler"/> called with each connection that a scope takes, to whichever server, before its first statement and outside its transaction: also with
    /// the one that a view reads from after the commit, and that of a table which gives out ids. For what the database keeps for a connection: <c>search_path</c>, variables of
    /// row-level security, <c>SET ROLE</c>. What it sets is undone by the provider's pool before anybody else gets the connection, also where it throws;
    /// a connection string that asks the pool not to (<c>No Reset On Close</c>, <c>Connection Reset</c>) is used without those words. Behind a pooler that gives a server's
    /// connection away after each transaction nothing may be set on it. Several handlers run in the order of their registration; where one throws, the connection is given
    /// back and the statement fails with its exception.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">The builder that <c>AddReplicatedNHibernate</c> or <c>AddReplicatedConnections</c> gave.</param>
    /// <param name="handler">Called by the flow that runs the first statement.</param>
    /// <returns>The builder.</returns>
    public static TBuilder OnConnectionOpened<TBuilder>(this TBuilder builder, Action<ConnectionOpenedContext> handler)
        where TBuilder : IReplicatedBuilder
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Add(builder, new ConnectionOpenedHandler(handler, null));
    }

    /// <summary>Like the other overload, without holding a thread. A statement that is run synchronously waits for it.</summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">The builder that <c>AddReplicatedNHibernate</c> or <c>AddReplicatedConnections</c> gave.</param>
    /// <param name="handler">Called by the flow that runs the first statement.</param>
    /// <returns>The builder.</returns>
    public static TBuilder OnConnectionOpened<TBuilder>(this TBuilder builder, Func<ConnectionOpenedContext, CancellationToken, Task> handler)
        where TBuilder : IReplicatedBuilder
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Add(builder, new ConnectionOpenedHandler(null, handler));
    }

    private static TBuilder Add<TBuilder>(TBuilder builder, ConnectionOpenedHandler handler)
        where TBuilder : IReplicatedBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(handler);
        return builder;
    }
}
