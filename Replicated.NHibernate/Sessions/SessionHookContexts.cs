using NHibernate;

namespace Replicated.NHibernate;

/// <summary>A session that a scope is about to open, for <c>OnSessionOpening</c>. Valid while the handler runs.</summary>
public sealed class SessionOpeningContext
{
    internal SessionOpeningContext(ISessionBuilder builder, DatabaseRole role, IServiceProvider services) => (Builder, Role, Services) = (builder, role, services);

    /// <summary>
    /// NHibernate's builder of the session: interceptor, flush mode, auto-close. The connection is the scope's and is set afterwards, whatever stands here; so a release
    /// mode has no effect.
    /// </summary>
    public ISessionBuilder Builder { get; }

    /// <summary>The role of the session.</summary>
    public DatabaseRole Role { get; }

    /// <summary>
    /// The request's services; those of the hub's invocation, of the container scope, or what <c>BeginScope</c> was given. A scope that was begun elsewhere has a
    /// container scope of its own for them. The session itself cannot be asked for here.
    /// </summary>
    public IServiceProvider Services { get; }
}

/// <summary>A session that a scope has opened, for <c>OnSessionOpened</c>. Valid while the handler runs.</summary>
public sealed class SessionOpenedContext
{
    internal SessionOpenedContext(ISession session, DatabaseRole role, IServiceProvider services) => (Session, Role, Services) = (session, role, services);

    /// <summary>The session, before anybody else gets it: filters, <c>DefaultReadOnly</c>, cache mode. No connection is open yet; a query opens one.</summary>
    public ISession Session { get; }

    /// <summary>The role of the session.</summary>
    public DatabaseRole Role { get; }

    /// <summary>The services, as in <see cref="SessionOpeningContext.Services"/>. <see cref="ISession"/> from them is this session where its role is in force.</summary>
    public IServiceProvider Services { get; }
}

/// <summary>A stateless session that a scope has opened, for <c>OnStatelessSessionOpened</c>. Valid while the handler runs.</summary>
public sealed class StatelessSessionOpenedContext
{
    internal StatelessSessionOpenedContext(IStatelessSession session, DatabaseRole role, IServiceProvider services) =>
        (Session, Role, Services) = (session, role, services);

    /// <summary>The session, before anybody else gets it: a batch size. NHibernate gives stateless sessions neither filters nor interceptors; a handler that throws refuses them.</summary>
    public IStatelessSession Session { get; }

    /// <summary>The role of the session.</summary>
    public DatabaseRole Role { get; }

    /// <summary>The services, as in <see cref="SessionOpeningContext.Services"/>.</summary>
    public IServiceProvider Services { get; }
}
