using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate;

/// <summary>What every session of a scope is opened with, said once.</summary>
public static class ReplicatedNHibernateBuilderExtensions
{
    /// <summary>
    /// Has <paramref name="handler"/> called before each session of a scope is opened, on the master and on a slave: also in blocks, after a re-execution, and in the place
    /// of one that was disposed. For what only NHibernate's session builder can set, such as an interceptor. Sessions that the application opens by itself
    /// (<c>OpenSession()</c>) and stateless sessions have no builder here. Several handlers run in the order of their registration; one that throws refuses the session.
    /// </summary>
    /// <param name="builder">The builder that <c>AddReplicatedNHibernate</c> gave.</param>
    /// <param name="handler">Called on the thread that asks for the session; never twice at once for one scope.</param>
    /// <returns>The builder.</returns>
    public static IReplicatedNHibernateBuilder OnSessionOpening(this IReplicatedNHibernateBuilder builder, Action<SessionOpeningContext> handler) =>
        Add(builder, handler, new SessionOpeningHandler(handler));

    /// <summary>
    /// Has <paramref name="handler"/> called with each session that a scope has opened, on the master and on a slave, before anybody else gets it: also in blocks, after a
    /// re-execution, and in the place of one that was disposed. For filters and whatever else is set on a session. Several handlers run in the order of their
    /// registration; where one throws, the session is closed and the exception goes to whoever asked for it.
    /// </summary>
    /// <param name="builder">The builder that <c>AddReplicatedNHibernate</c> gave.</param>
    /// <param name="handler">Called on the thread that asks for the session; never twice at once for one scope.</param>
    /// <returns>The builder.</returns>
    /// <example><code>.OnSessionOpened(c => c.Session.EnableFilter("tenant").SetParameter("id", c.Services.GetRequiredService&lt;Tenant&gt;().Id))</code></example>
    public static IReplicatedNHibernateBuilder OnSessionOpened(this IReplicatedNHibernateBuilder builder, Action<SessionOpenedContext> handler) =>
        Add(builder, handler, new SessionOpenedHandler(handler));

    /// <summary>Like <see cref="OnSessionOpened"/>, for stateless sessions, which NHibernate gives neither filters nor interceptors.</summary>
    /// <param name="builder">The builder that <c>AddReplicatedNHibernate</c> gave.</param>
    /// <param name="handler">Called on the thread that asks for the session; never twice at once for one scope.</param>
    /// <returns>The builder.</returns>
    public static IReplicatedNHibernateBuilder OnStatelessSessionOpened(this IReplicatedNHibernateBuilder builder, Action<StatelessSessionOpenedContext> handler) =>
        Add(builder, handler, new StatelessSessionOpenedHandler(handler));

    private static IReplicatedNHibernateBuilder Add<THandler>(IReplicatedNHibernateBuilder builder, object handler, THandler registered)
        where THandler : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(handler);
        builder.Services.AddSingleton(registered);
        return builder;
    }
}
