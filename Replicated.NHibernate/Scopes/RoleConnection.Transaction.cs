using System.Data;
using System.Data.Common;
using System.Runtime.ExceptionServices;
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
    private Exception? _loss;
    private bool _endedByApplication;

    /// <summary>Whether a transaction is open, be it only logically.</summary>
    public bool IsInTransaction => _inTransaction;

    /// <summary>Whether the database knows of the transaction.</summary>
    public bool IsPhysical => _transaction is not null;

    public IsolationLevel Level => _transaction?.IsolationLevel ?? _level;

    /// <summary>Whether the scope begins and ends transactions here by itself.</summary>
    public bool IsAutomatic => Role == DatabaseRole.Master && _scope.IsTransactional && !_scope.IsSealed;

    /// <summary>Begins, or joins what has begun.</summary>
    /// <exception cref="InvalidOperationException">A level is asked for that the running transaction does not have.</exception>
    public void Begin(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (_inTransaction)
        {
            JoinAt(asked, otherwise);
            return;
        }

        (_inTransaction, _endedByApplication) = (true, false);
        _level = asked == IsolationLevel.Unspecified ? otherwise : asked;
        foreach (var unit in _units)
        {
            if (unit.IsUsable)
            {
                unit.Begin();
            }
        }
    }

    /// <summary>Makes the command part of the transaction; the first one begins it on the server.</summary>
    public DbTransaction? Enlist()
    {
        if (_inTransaction && _transaction is null && _opened is { } opened)
        {
            if (Role == DatabaseRole.Master && System.Transactions.Transaction.Current is { } ambient)
            {
                // As long as no command has run, a TransactionScope goes before.
                opened.Connection.EnlistTransaction(ambient);
                return null;
            }

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

    /// <summary>Changes were thrown away of which the commit would not know. Without a transaction of the scope's that is the application's own affair.</summary>
    public void NoteLoss(Exception loss)
    {
        if (Role == DatabaseRole.Slave ? !_endedByApplication : _inTransaction && IsAutomatic)
        {
            _loss ??= loss;
        }
    }

    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (!_inTransaction)
        {
            return;
        }

        try
        {
            ThrowIfFailed();
            // What is called back before a commit may ask for one more unit.
            for (var i = 0; i < _units.Length; i++)
            {
                await _units[i].BeforeCommit(async, cancellationToken);
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

    /// <summary>The commit of a request whose response began in the middle of a query.</summary>
    public async ValueTask CommitAfterReading()
    {
        if (_reader is { } forgotten)
        {
            await forgotten.DisposeAsync();
        }

        await Commit(async: true, CancellationToken.None);
    }

    /// <summary>The application commits by itself. What it does next is committed at the end; what failed is its own affair.</summary>
    public async ValueTask CommitByApplication(bool async, CancellationToken cancellationToken)
    {
        try
        {
            await Commit(async, cancellationToken);
        }
        catch
        {
            _endedByApplication = true;
            throw;
        }

        BeginAgain();
    }

    /// <summary>
    /// The application threw work away: what the units hold then must not be flushed at the end. If there was none, as after reading in a
    /// transaction that nobody commits, what it does next is committed like everything else.
    /// </summary>
    public async ValueTask RollbackByApplication(bool async)
    {
        _endedByApplication = HasUncommittedWrites || HasPendingChanges;
        await Rollback(async);
        BeginAgain();
    }

    /// <summary>A TransactionScope took the place of the transaction, which had not begun on the server.</summary>
    public void AfterSystemTransaction(bool committed)
    {
        if (committed || !_inTransaction)
        {
            HasUncommittedWrites = false;
        }
        else
        {
            RollbackByApplication(async: false).AsTask().GetAwaiter().GetResult();
        }
    }

    public ValueTask Rollback(bool async) => _inTransaction ? RollbackBegun(async) : ValueTask.CompletedTask;

    private async ValueTask RollbackBegun(bool async)
    {
        try
        {
            if (_transaction is not null && _transaction.Connection is not null)
            {
                if (async)
                {
                    await (_reader?.DisposeAsync() ?? ValueTask.CompletedTask);
                    await _transaction.RollbackAsync(CancellationToken.None);
                }
                else
                {
                    _reader?.Dispose();
                    _transaction.Rollback();
                }
            }
        }
        catch (InvalidOperationException) when (Current is { State: ConnectionState.Open })
        {
            // ADO.NET's word for a transaction that the database has ended by itself, as with a commit that it refused.
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
        {
            // A broken connection has rolled back already; the server does it when it notices.
            _scope.Services.Logger.RollbackFailed(e, _scope.Work.ToString());
        }

        await Completed(committed: false, async);
    }

    /// <summary>Brings a slave's units to the commit point: whatever they hold, nobody would write.</summary>
    public ValueTask RefusePendingChanges(bool async, CancellationToken cancellationToken)
    {
        if (_endedByApplication)
        {
            return ValueTask.CompletedTask;
        }

        ThrowIfFailed();
        return _units is [var only] ? only.BeforeCommit(async, cancellationToken) : BringToCommit(async, cancellationToken);
    }

    private async ValueTask BringToCommit(bool async, CancellationToken cancellationToken)
    {
        for (var i = 0; i < _units.Length; i++)
        {
            await _units[i].BeforeCommit(async, cancellationToken);
        }
    }

    private async ValueTask Completed(bool committed, bool async)
    {
        (_inTransaction, _failure, _loss, HasUncommittedWrites) = (false, null, null, false);
        if (_transaction is { } transaction)
        {
            _transaction = null;
            await transaction.DisposeAsync();
        }

        var thrown = ForEach(u => u.AfterCompletion(committed));
        await Release(async);
        thrown?.Throw();
    }

    /// <summary>Every unit has its turn, whatever the application's listeners in another one throw; the first exception is given back.</summary>
    private ExceptionDispatchInfo? ForEach(Action<IUnitOfWork> action)
    {
        ExceptionDispatchInfo? first = null;
        foreach (var unit in _units)
        {
            try
            {
                action(unit);
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        return first;
    }

    /// <summary>After the application's own commit, what it does next is committed at the end like everything else.</summary>
    public void BeginAgain()
    {
        if (IsAutomatic && !_ended && !_endedByApplication)
        {
            // Not at the former level: that was asked for one transaction.
            Begin(IsolationLevel.Unspecified, IsolationLevel.Unspecified);
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

    private void JoinAt(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (asked == IsolationLevel.Unspecified)
        {
            // The scope begins before there is a session, and only a session knows the level that is configured.
            _level = _level == IsolationLevel.Unspecified ? otherwise : _level;
            return;
        }

        if (asked == Level)
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
        if (_loss is { } loss)
        {
            _loss = null;
            throw loss;
        }

        if (_failure is { } failure)
        {
            throw ScopeErrors.FailedStatement(_scope.Work, failure);
        }
    }
}
