using NHibernate;
using NHibernate.Engine;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>A session or a stateless session as a unit of work. Not thread-safe, like the session.</summary>
internal abstract class SessionUnit(RoleConnection role) : IUnitOfWork
{
    [ThreadStatic]
    private static SessionUnit? _opening;

    private List<Guid>? _sharing;
    private bool _removed;

    public RoleConnection Role { get; } = role;

    public abstract bool IsUsable { get; }

    public abstract bool HasPendingChanges { get; }

    public bool IsReading => IsUsable && Session.ConnectionManager.Batcher.HasOpenResources;

    /// <summary>The unit whose session is being opened on this thread: NHibernate makes the batcher inside the session's constructor.</summary>
    public static SessionUnit? Opening => _opening;

    /// <summary>How many sessions are known; none are when nothing runs.</summary>
    public static int OpenCount => SessionIds.Count;

    /// <summary>The session's transaction while there is one.</summary>
    public ReplicatedTransaction? Transaction { get; set; }

    /// <summary>The session is being closed or has been, by the scope or by the application.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The scope closes the session.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>Whether the session has done anything; many are only injected. Before, it cannot hold anything.</summary>
    protected bool IsUsed { get; private set; }

    protected ISessionImplementor Session { get; private set; } = null!;

    /// <summary>Sessions that share the session's connection, of which most have none.</summary>
    protected IReadOnlyCollection<ISessionImplementor>? Sharing =>
        Session.ConnectionManager.DependentSessions is { Count: > 0 } sharing ? sharing : null;

    /// <summary>An operation begins, of the session or of one that shares its connection and transaction and works for the same unit.</summary>
    public void Operates(Guid sessionId)
    {
        // The first one begins while the session is still being constructed.
        if (_opening == this)
        {
            return;
        }

        IsUsed = true;
        if (sessionId != Session.SessionId && !_removed && SessionIds.Add(sessionId, this))
        {
            (_sharing ??= []).Add(sessionId);
        }
    }

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
        Role.AfterSystemTransaction(committed);
        if (Role.IsInTransaction && IsUsable)
        {
            Begin();
        }
    }

    /// <summary>Called before the session gives its connection back, for which it must still be found by its id.</summary>
    public virtual void Closing() => IsClosed = true;

    public virtual void Forget()
    {
    }

    public void End()
    {
        IsEnding = true;
        try
        {
            // Without the connection they are of no use to anybody.
            foreach (var sharing in Sharing?.ToArray() ?? [])
            {
                (sharing as IDisposable)?.Dispose();
            }

            Close();
        }
        finally
        {
            Remove();
        }
    }

    protected abstract void Close();

    protected TSession Opened<TBuilder, TSession>(TBuilder builder, Func<TBuilder, TSession> open, Func<TSession, ISessionImplementor> implementor)
    {
        _opening = this;
        try
        {
            var session = open(builder);
            Session = implementor(session);
            SessionIds.Add(Session.SessionId, this);
            return session;
        }
        finally
        {
            _opening = null;
        }
    }

    private void Remove()
    {
        if (!_removed)
        {
            _removed = true;
            SessionIds.Remove(Session.SessionId);
            _sharing?.ForEach(SessionIds.Remove);
        }
    }
}
