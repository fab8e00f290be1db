using NHibernate;
using NHibernate.Engine;
using NHibernate.Engine.Transaction;
using NHibernate.Transaction;
using Replicated.NHibernate.Scopes;
using SystemTransaction = System.Transactions.Transaction;

namespace Replicated.NHibernate.Sessions;

/// <summary>Gives routed sessions their part in the scope's transaction, and every other session NHibernate's own.</summary>
internal sealed class ReplicatedTransactionFactory : AdoNetWithSystemTransactionFactory
{
    private static readonly AsyncLocal<bool> Isolated = new();

    [ThreadStatic]
    private static Guid _lastSession;

    /// <summary>Whether the connection that is being asked for is for work outside the session's transaction, such as hilo.</summary>
    public static bool IsIsolated => Isolated.Value;

    /// <summary>The session that last began an operation on this thread; right for a bare <c>session.Connection</c>.</summary>
    public static Guid LastSession => _lastSession;

    public override ITransaction CreateTransaction(ISessionImplementor session) =>
        ReplicatedBatcher.Of(session)?.Unit is { } unit ? new ReplicatedTransaction(session, unit) : base.CreateTransaction(session);

    public override void EnlistInSystemTransactionIfNeeded(ISessionImplementor session)
    {
        _lastSession = session.SessionId;
        // A session that shares another's connection is not known by its own id yet.
        ReplicatedBatcher.Of(session)?.Unit?.Know(session.SessionId);
        base.EnlistInSystemTransactionIfNeeded(session);
    }

    public override void ExecuteWorkInIsolation(ISessionImplementor session, IIsolatedWork work, bool transacted)
    {
        RefuseOnSlave(session, work);
        Isolated.Value = true;
        try
        {
            base.ExecuteWorkInIsolation(session, work, transacted);
        }
        finally
        {
            Isolated.Value = false;
        }
    }

    public override async Task ExecuteWorkInIsolationAsync(ISessionImplementor session, IIsolatedWork work, bool transacted, CancellationToken cancellationToken)
    {
        RefuseOnSlave(session, work);
        Isolated.Value = true;
        await base.ExecuteWorkInIsolationAsync(session, work, transacted, cancellationToken);
    }

    protected override void JoinSystemTransaction(ISessionImplementor session, SystemTransaction transaction)
    {
        if (transaction is null || ReplicatedBatcher.Of(session)?.Unit is not { Transaction: { IsActive: true } own } unit || unit.Role.IsPhysical)
        {
            base.JoinSystemTransaction(session, transaction);
            return;
        }

        own.IsJoiningSystemTransaction = true;
        try
        {
            base.JoinSystemTransaction(session, transaction);
        }
        finally
        {
            own.IsJoiningSystemTransaction = false;
        }
    }

    private static void RefuseOnSlave(ISessionImplementor session, IIsolatedWork work) =>
        ReplicatedBatcher.Of(session)?.Refuse($"isolated work for {work.GetType().Name}, such as the generation of an id,");
}
