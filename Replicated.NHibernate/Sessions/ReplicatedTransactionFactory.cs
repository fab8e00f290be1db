using NHibernate;
using NHibernate.Engine;
using NHibernate.Engine.Transaction;
using NHibernate.Transaction;
using Replicated.NHibernate.Scopes;
using EnlistmentOptions = System.Transactions.EnlistmentOptions;
using PreparingEnlistment = System.Transactions.PreparingEnlistment;
using SystemTransaction = System.Transactions.Transaction;

namespace Replicated.NHibernate.Sessions;

/// <summary>Gives routed sessions their part in the scope's transaction, and every other session NHibernate's own.</summary>
internal sealed class ReplicatedTransactionFactory : AdoNetWithSystemTransactionFactory
{
    private static readonly AsyncLocal<RoleConnection?> Isolated = new();

    /// <summary>For whom a connection is being asked for that is outside the session's transaction, such as hilo's; null for a session outside routing.</summary>
    public static RoleConnection? IsolatedFrom => Isolated.Value;

    public override ITransaction CreateTransaction(ISessionImplementor session) =>
        SessionTarget.UnitOf(session) is { } unit ? new ReplicatedTransaction(session, unit) : base.CreateTransaction(session);

    public override void EnlistInSystemTransactionIfNeeded(ISessionImplementor session)
    {
        // Not on a slave, where stateless sessions would, whatever transaction.auto_join says; and one that is being closed joins nothing any more.
        if (!SessionTarget.IsOpening && session.Factory.ConnectionProvider is not ReplicatedConnectionProvider { Role: DatabaseRole.Slave } && SessionTarget.UnitOf(session) is not { IsEnding: true })
        {
            base.EnlistInSystemTransactionIfNeeded(session);
        }
    }

    public override void ExecuteWorkInIsolation(ISessionImplementor session, IIsolatedWork work, bool transacted)
    {
        RefuseIsolatedWork(session, work);
        Isolated.Value = SessionTarget.Of(session) as RoleConnection;
        try
        {
            base.ExecuteWorkInIsolation(session, work, transacted);
        }
        finally
        {
            Isolated.Value = null;
        }
    }

    public override async Task ExecuteWorkInIsolationAsync(ISessionImplementor session, IIsolatedWork work, bool transacted, CancellationToken cancellationToken)
    {
        RefuseIsolatedWork(session, work);
        Isolated.Value = SessionTarget.Of(session) as RoleConnection;
        await base.ExecuteWorkInIsolationAsync(session, work, transacted, cancellationToken);
    }

    protected override void JoinSystemTransaction(ISessionImplementor session, SystemTransaction transaction)
    {
        ThrowIfOnSlave(session, transaction);
        if (transaction is null || SessionTarget.UnitOf(session) is not { Transaction: { IsActive: true } own } unit || unit.Role.IsPhysical)
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

    protected override ITransactionContext CreateAndEnlistMainContext(ISessionImplementor session, SystemTransaction transaction) =>
        SessionTarget.UnitOf(session) is { } unit
            ? new JoinedSystemTransaction(session, unit, transaction, SystemTransactionCompletionLockTimeout, UseConnectionOnSystemTransactionPrepare, IgnoreSessionSynchronizationFailuresOnSystemTransaction)
            : base.CreateAndEnlistMainContext(session, transaction);

    // Only where somebody calls JoinTransaction by themselves.
    private static void ThrowIfOnSlave(ISessionImplementor session, SystemTransaction? transaction)
    {
        if (transaction is not null && SessionTarget.IsOnSlave(session))
        {
            throw new InvalidOperationException(
                "A session of the slave role stays out of TransactionScopes: a standby can neither prepare nor be serializable. Leave JoinTransaction() away; it reads as it is.");
        }
    }

    private static void RefuseIsolatedWork(ISessionImplementor session, IIsolatedWork work)
    {
        SessionTarget.Refuse(session, $"isolated work for {work.GetType().Name}, such as the generation of an id,", WriteLayer.IsolatedWork);
        if (SessionTarget.Of(session) is RoleConnection { Dialect.IsolatedWorkRefusal: { } remedy })
        {
            throw new NotSupportedException($"Isolated work for {work.GetType().Name}, such as hilo's, is not possible in a scope: {remedy}");
        }
    }

    /// <summary>NHibernate forgets the session's own transaction when a TransactionScope ends; the unit is told, and begins again.</summary>
    private sealed class JoinedSystemTransaction : SystemTransactionContext
    {
        private readonly ISessionImplementor _session;
        private readonly SessionUnit _unit;
        private readonly bool _mayAsk;

        public JoinedSystemTransaction(ISessionImplementor session, SessionUnit unit, SystemTransaction transaction, int lockTimeout, bool useConnectionOnPrepare, bool ignoreFailures)
            : base(session, transaction, lockTimeout, useConnectionOnPrepare, ignoreFailures)
        {
            (_session, _unit, _mayAsk) = (session, unit, useConnectionOnPrepare);
            unit.Role.NoteJoined(EnlistedTransaction);
            EnlistedTransaction.EnlistVolatile(this, useConnectionOnPrepare ? EnlistmentOptions.EnlistDuringPrepareRequired : EnlistmentOptions.None);
        }

        public override void Prepare(PreparingEnlistment preparingEnlistment)
        {
            try
            {
                // A stateless session keeps its last statement open for a batch, and NHibernate prepares nothing over it.
                _session.ConnectionManager.Batcher.ExecuteBatch();
                _unit.Role.SystemCompletion().BeforeCommit(_mayAsk);
            }
            catch (Exception e)
            {
                CompleteTransaction(isCommitted: false);
                preparingEnlistment.ForceRollback(e);
                return;
            }

            base.Prepare(preparingEnlistment);
        }

        protected override void CompleteTransaction(bool isCommitted)
        {
            var ends = IsInActiveTransaction;
            base.CompleteTransaction(isCommitted);
            if (ends)
            {
                using var outside = JoinedTransaction.Outside();
                _unit.AfterSystemTransaction(isCommitted);
            }
        }
    }
}
