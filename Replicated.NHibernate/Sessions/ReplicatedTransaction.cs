using System.Data;
using System.Data.Common;
using NHibernate;
using NHibernate.Engine;
using NHibernate.Impl;
using NHibernate.Transaction;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// A session's part in the one transaction of its scope and role. It is active from the moment it begins, but the database hears of it with the
/// first command; ending it ends it for every unit of the role. Public members are those that NHibernate finds by reflection.
/// </summary>
internal sealed class ReplicatedTransaction(ISessionImplementor session, SessionUnit unit) : ITransaction
{
    private readonly TransactionSynchronizations _synchronizations = new();
    private bool _begun;
    private bool _completed;
    private bool _commitFailed;
    private bool _begunByApplication;
    private bool _isClosed;

    public bool IsActive => _begun && !_completed && !_isClosed && !IsJoiningSystemTransaction && session.TransactionContext is null;

    public bool WasCommitted { get; private set; }

    public bool WasRolledBack { get; private set; }

    /// <summary>Set while the session enlists in a TransactionScope, to which a transaction without statements gives way.</summary>
    public bool IsJoiningSystemTransaction { get; set; }

    private RoleConnection Role => unit.Role;

    public void Begin() => Begin(IsolationLevel.Unspecified);

    public void Begin(IsolationLevel isolationLevel)
    {
        if (_begun)
        {
            _begunByApplication = true;
            Role.Begin(isolationLevel, IsolationLevel.Unspecified, byApplication: true);
            return;
        }

        _begun = true;
        unit.Transaction = this;
        Role.Begin(isolationLevel, session.Factory.Settings.IsolationLevel, byApplication: false);
        session.AfterTransactionBegin(this);
        foreach (var dependent in session.ConnectionManager.DependentSessions)
        {
            dependent.AfterTransactionBegin(this);
        }
    }

    public void Commit() => Commit(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public Task CommitAsync(CancellationToken cancellationToken = default) => Commit(async: true, cancellationToken).AsTask();

    public void Rollback() => Rollback(async: false).AsTask().GetAwaiter().GetResult();

    public Task RollbackAsync(CancellationToken cancellationToken = default) => Rollback(async: true).AsTask();

    // A routed command enlists when it runs.
    public void Enlist(DbCommand command)
    {
        if (command is not RoutedCommand)
        {
            command.Transaction = Enlisted(command.Connection);
            command.Connection ??= Role.Current;
        }
    }

    public void Enlist(DbBatch batch)
    {
        if (batch is not RoutedBatch)
        {
            batch.Transaction = Enlisted(batch.Connection);
            batch.Connection ??= Role.Current;
        }
    }

    [Obsolete("NHibernate asks for it; applications use the other overload.")]
    public void RegisterSynchronization(ISynchronization synchronization) => _synchronizations.Add(synchronization);

    public void RegisterSynchronization(ITransactionCompletionSynchronization synchronization) => _synchronizations.Add(synchronization);

    /// <summary>Of a transaction that the application began: a rollback. Otherwise the session is being closed, and the scope's transaction goes on.</summary>
    public void Dispose()
    {
        if (!_begun || _completed || _isClosed)
        {
            return;
        }

        // A session that is disposed is in the middle of that.
        var sessionCloses = unit.IsEnding || (!_begunByApplication && Role.IsAutomatic) || (session is AbstractSessionImpl { IsProcessing: true } && Role.IsAutomatic);
        if (!sessionCloses)
        {
            Rollback(async: false, isForgotten: true).AsTask().GetAwaiter().GetResult();
            return;
        }

        unit.Closing();
        _isClosed = true;
    }

    public async ValueTask BeforeCompletion(bool async, CancellationToken cancellationToken)
    {
        if (async)
        {
            await session.BeforeTransactionCompletionAsync(this, cancellationToken);
            await _synchronizations.Before(async, cancellationToken);
            foreach (var dependent in session.ConnectionManager.DependentSessions)
            {
                await dependent.BeforeTransactionCompletionAsync(this, cancellationToken);
            }
        }
        else
        {
            session.BeforeTransactionCompletion(this);
            await _synchronizations.Before(async, cancellationToken);
            foreach (var dependent in session.ConnectionManager.DependentSessions)
            {
                dependent.BeforeTransactionCompletion(this);
            }
        }
    }

    /// <summary>The transaction has ended on the server, or without having got there.</summary>
    public void Complete(bool committed)
    {
        if (!_begun || _completed)
        {
            return;
        }

        _completed = true;
        (WasCommitted, WasRolledBack) = (committed, !committed);
        unit.Transaction = null;
        if (!committed)
        {
            // Or a batch that still waits would be written by whatever flushes next, the closing of a stateless session at the latest.
            session.ConnectionManager.Batcher.AbortBatch(null);
            session.ConnectionManager.Batcher.CloseCommands();
        }

        session.ConnectionManager.AfterTransaction();
        try
        {
            session.AfterTransactionCompletion(committed, this);
        }
        finally
        {
            _synchronizations.After(committed);
            foreach (var dependent in session.ConnectionManager.DependentSessions)
            {
                dependent.AfterTransactionCompletion(committed, this);
            }
        }
    }

    /// <summary>It gave way to a TransactionScope, and another takes its place.</summary>
    public void Forget() => _completed = true;

    // A command of the provider's own passes no guard and may write. On another connection it would run outside the transaction, and nobody would hear of it.
    private DbTransaction? Enlisted(DbConnection? connection)
    {
        if (!IsActive)
        {
            return null;
        }

        var own = Role.Connection.Provider(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return connection is null || ReferenceEquals(connection, own)
            ? Role.Enlist()
            : throw new TransactionException($"A command of {Role.Scope.Work} is on another connection than its transaction. Create it with session.Connection.CreateCommand().");
    }

    private async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        ThrowIfNotActive("committed");
        _commitFailed = true;
        try
        {
            await Role.CommitByApplication(async, cancellationToken);
        }
        catch (DbException e)
        {
            throw new TransactionException("Commit failed with SQL exception", e);
        }

        _commitFailed = false;
    }

    private async ValueTask Rollback(bool async, bool isForgotten = false)
    {
        if (_commitFailed)
        {
            // It has rolled back; whoever does it once more, in the catch block of the commit, must not hide why it failed.
            return;
        }

        ThrowIfNotActive("rolled back");
        await Role.RollbackByApplication(async, isForgotten);
    }

    private void ThrowIfNotActive(string what)
    {
        if (!_begun || _completed)
        {
            throw new TransactionException($"The transaction cannot be {what}: {(_completed ? "it has ended already" : "it has not begun")}.");
        }
    }
}
