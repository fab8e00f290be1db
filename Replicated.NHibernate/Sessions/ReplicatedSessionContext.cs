using NHibernate;
using NHibernate.Context;
using NHibernate.Engine;
using NHibernate.Impl;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate;

/// <summary>
/// NHibernate's current session context for master and slaves: <c>GetCurrentSession()</c> on either factory answers with the session of the role
/// in force, opened on the factory of that role. A session that the application bound itself
/// (<see cref="CurrentSessionContext.Bind"/>) wins, and is the application's to close. Thread-safe; made by NHibernate, one for each factory.
/// </summary>
public sealed class ReplicatedSessionContext : CurrentSessionContext
{
    private readonly AsyncLocal<ISession?> _boundOutsideScopes = new();
    private bool _bindsOutsideScopes;
    private IScopeDiagnosis? _diagnosis;
    private ReplicatedSessionFactories? _factories;

    /// <summary>Called by NHibernate, through the property <c>current_session_context_class</c>.</summary>
    /// <param name="factory">The factory that the context belongs to.</param>
    public ReplicatedSessionContext(ISessionFactoryImplementor factory)
    {
        if (factory is SessionFactoryImpl implementation)
        {
            GuardListeners.Install(implementation.EventListeners);
        }
    }

    /// <inheritdoc />
    protected override ISession? Session
    {
        get => AmbientScope.Of(_diagnosis)?.Scope is { } scope && scope.Find(this) is ISession bound ? bound
            // Reading the execution context costs something, and hardly anybody binds outside scopes.
            : _bindsOutsideScopes ? _boundOutsideScopes.Value : null;
        set
        {
            if (AmbientScope.Of(_diagnosis)?.Scope is { } scope)
            {
                scope.Keep(this, value);
            }
            else
            {
                (_bindsOutsideScopes, _boundOutsideScopes.Value) = (true, value);
            }
        }
    }

    /// <inheritdoc />
    /// <exception cref="InvalidOperationException">There is no scope here.</exception>
    /// <exception cref="ObjectDisposedException">The request or scope that this code belongs to has ended.</exception>
    public override ISession CurrentSession() => Session ?? ReplicatedSessions.CurrentUnit(_diagnosis, Factories, NewUnit).Session;

    internal static readonly Func<RoleConnection, ReplicatedSessionFactories, StatefulUnit> NewUnit = StatefulUnit.Of;

    internal static readonly Func<RoleConnection, ReplicatedSessionFactories, StatelessUnit> NewStatelessUnit = StatelessUnit.Of;

    private ReplicatedSessionFactories Factories => _factories ?? throw new InvalidOperationException(
        "This session factory is not registered yet. Call services.AddReplicatedNHibernate(master, slave) with both factories, and let the container create ReplicatedSessionFactories.");

    internal void Attach(ReplicatedSessionFactories factories, IScopeDiagnosis? diagnosis) => (_factories, _diagnosis) = (factories, diagnosis);
}
