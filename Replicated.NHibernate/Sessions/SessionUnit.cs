using NHibernate;
using NHibernate.Engine;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>A session or a stateless session as a unit of work. Not thread-safe, like the session.</summary>
internal abstract class SessionUnit(RoleConnection role, ISessionImplementor session) : IUnitOfWork
{
    public RoleConnection Role { get; } = role;

    public abstract bool IsUsable { get; }

    public abstract bool HasPendingChanges { get; }

    public bool IsReading => IsUsable && Session.Batcher.HasOpenResources;

    /// <summary>The session's transaction while there is one.</summary>
    public ReplicatedTransaction? Transaction { get; set; }

    /// <summary>The scope closes the session.</summary>
    public bool IsEnding { get; private set; }

    protected ISessionImplementor Session { get; } = session;

    /// <summary>Sessions that share the session's connection, of which most have none.</summary>
    protected IReadOnlyCollection<ISessionImplementor>? Sharing =>
        Session.ConnectionManager.DependentSessions is { Count: > 0 } sharing ? sharing : null;

    /// <summary>Whether a session is the unit's, or shares its connection and transaction.</summary>
    public bool Owns(ISessionImplementor session) => ReferenceEquals(session.ConnectionManager, Session.ConnectionManager);

    public bool Is(Guid sessionId) => Session.SessionId == sessionId;

    public abstract void Opened();

    public void Begin()
    {
        if (Transaction is not { IsActive: true })
        {
            Session.ConnectionManager.BeginTransaction();
        }
    }

    public abstract ValueTask BeforeCommit(bool async, CancellationToken cancellationToken);

    public void AfterCompletion(bool committed) => Transaction?.Complete(committed);

    /// <summary>A TransactionScope that the session had joined has ended, and NHibernate has forgotten the transaction that had given way to it.</summary>
    public void AfterSystemTransaction(bool committed)
    {
        Transaction?.Forget();
        Transaction = null;
        Role.SystemCompletion().After(committed);
        if (Role.IsInTransaction && IsUsable)
        {
            Begin();
        }
    }

    /// <summary>The application closes the session, whose transaction goes on.</summary>
    public virtual void Closing()
    {
    }

    public virtual void Forget()
    {
    }

    public void End()
    {
        IsEnding = true;
        // Without the connection they are of no use to anybody.
        foreach (var sharing in Sharing?.ToArray() ?? [])
        {
            (sharing as IDisposable)?.Dispose();
        }

        Close();
    }

    protected abstract void Close();
}
