using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// The one transaction of a role: begun logically when somebody says so, physically with the first command, and ended for all units
/// together by whoever ends it.
/// </summary>
internal sealed partial class RoleConnection
{
    private bool _inTransaction;
    private IsolationLevel _level;
    private DbTransaction? _transaction;
    private Exception? _failure;
    private bool _endedByApplication;

    /// <summary>Whether a transaction is open, be it only logically.</summary>
    public bool IsInTransaction => _inTransaction;

    /// <summary>Whether the database knows of the transaction.</summary>
    public bool IsPhysical => _transaction is not null;

    public IsolationLevel Level => _transaction?.IsolationLevel ?? _level;

    private bool IsAutomatic => Role == DatabaseRole.Master && _scope.IsTransactional && !_scope.IsSealed;

    /// <summary>Begins, or joins what has begun.</summary>
    /// <exception cref="InvalidOperationException">A level is asked for that the running transaction does not have.</exception>
    public void Begin(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (_inTransaction)
        {
            JoinAt(asked);
            return;
        }

        (_inTransaction, _endedByApplication) = (true, false);
        _level = asked == IsolationLevel.Unspecified ? otherwise : asked;
        foreach (var unit in _units)
        {
            unit.Begin();
        }
    }

    /// <summary>Makes the command part of the transaction; the first one begins it on the server.</summary>
    public DbTransaction? Enlist()
    {
        if (_inTransaction && _transaction is null && _opened is { } opened)
        {
            _transaction = _scope.Services.Pool.Provider.Begin(opened.Connection, _level);
        }

        return _inTransaction ? _transaction : null;
    }

    /// <summary>A statement failed: even where the application swallows the error, this transaction must not be committed.</summary>
    public void NoteFailure(Exception failure)
    {
        if (_transaction is not null)
        {
            _failure ??= failure;
        }
    }

    /// <summary>Work was thrown away that the transaction's commit would not have known of.</summary>
    public void NoteLoss(Exception loss) => _failure ??= loss;

    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (!_inTransaction)
        {
            return;
        }

        try
        {
            ThrowIfFailed();
            foreach (var unit in _units)
            {
                await unit.BeforeCommit(async, cancellationToken);
            }

            ThrowIfFailed();
            if (_transaction is not null)
            {
                Wrote |= await CommitStatement.Run(_opened!.Value.Connection, _transaction, _scope.Services.Pool.Provider, async);
            }
        }
        catch (Exception e)
        {
            await Rollback(async);
            throw e is DbException { SqlState: "25P02" } ? ScopeErrors.FailedStatement(_scope.Work, e) : e.Rethrown();
        }

        await Completed(committed: true, async);
    }

    /// <summary>The application ended the transaction by itself; what the units hold then is its own affair.</summary>
    public async ValueTask RollbackByApplication(bool async)
    {
        _endedByApplication = true;
        await Rollback(async);
    }

    public async ValueTask Rollback(bool async)
    {
        if (!_inTransaction)
        {
            return;
        }

        try
        {
            if (_transaction is not null && _transaction.Connection is not null)
            {
                if (async)
                {
                    await _transaction.RollbackAsync(CancellationToken.None);
                }
                else
                {
                    _transaction.Rollback();
                }
            }
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
        {
            // A broken connection has rolled back already; the server does it when it notices.
            _scope.Services.Logger.RollbackFailed(e, _scope.Work.ToString());
        }

        await Completed(committed: false, async);
    }

    /// <summary>Brings a slave's units to the commit point: whatever they hold, nobody would write.</summary>
    public async ValueTask RefusePendingChanges(bool async, CancellationToken cancellationToken)
    {
        foreach (var unit in _units)
        {
            await unit.BeforeCommit(async, cancellationToken);
        }
    }

    private async ValueTask Completed(bool committed, bool async)
    {
        (_inTransaction, _failure, HasUncommittedWrites) = (false, null, false);
        if (_transaction is { } transaction)
        {
            _transaction = null;
            await transaction.DisposeAsync();
        }

        foreach (var unit in _units)
        {
            unit.AfterCompletion(committed);
        }

        await Release(async);
    }

    /// <summary>After the application's own commit, what it does next is committed at the end like everything else.</summary>
    public void BeginAgain()
    {
        if (IsAutomatic && !_ended && !_endedByApplication)
        {
            Begin(IsolationLevel.Unspecified, _level);
        }
    }

    private void BeginFor(IUnitOfWork unit)
    {
        if (_inTransaction)
        {
            unit.Begin();
        }
        else if (IsAutomatic && !_endedByApplication)
        {
            Begin(IsolationLevel.Unspecified, IsolationLevel.Unspecified);
        }
    }

    private void JoinAt(IsolationLevel asked)
    {
        if (asked == IsolationLevel.Unspecified || asked == Level)
        {
            return;
        }

        if (_transaction is not null)
        {
            throw new InvalidOperationException(
                $"Isolation level {asked} was asked for, but the transaction of {_scope.Work} has begun with {Level}. "
                + "Ask for it before the first statement, or set Replicated:TransactionPerRequest to false and begin transactions yourself.");
        }

        _level = asked;
    }

    private void ThrowIfFailed()
    {
        if (_failure is { } failure)
        {
            throw ScopeErrors.FailedStatement(_scope.Work, failure);
        }
    }
}
