using System.Data;
using System.Data.Common;
using System.Runtime.ExceptionServices;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>The end of a role's transaction, for all its units together.</summary>
internal sealed partial class RoleConnection
{
    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (!_inTransaction)
        {
            return;
        }

        var committed = new Committed(HasUncommittedWrites, Position: null);
        try
        {
            ThrowIfFailed();
            // What is called back before a commit may ask for one more unit.
            for (var i = 0; i < _units.Length; i++)
            {
                await _units[i].BeforeCommit(async, cancellationToken);
            }

            ThrowIfFailed();
            if (IsJoined)
            {
                // Its commit is the TransactionScope's, of which sessions hear by themselves.
                await MarkWrites(committed with { Wrote = HasUncommittedWrites || _hasUnmarkedWrites }, async);
                HasUncommittedWrites = false;
                return;
            }

            if (_transaction is not null)
            {
                var services = _scope.Services;
                var told = await services.Pool.Provider.Dialect.Commit(_opened!.Connection, _transaction, services.Marks.Positions, async);
                committed = told with { Wrote = told.Wrote || HasUncommittedWrites };
            }
        }
        catch (Exception e)
        {
            await Rollback(async);
            throw DatabaseDialect.IsFailedTransaction(e) ? ScopeErrors.FailedStatement(_scope.Work, e) : e.Rethrown();
        }

        await MarkWrites(committed with { Wrote = committed.Wrote || _hasUnmarkedWrites }, async);
        await Completed(committed: true, async);
    }

    /// <summary>The commit of a request whose response began in the middle of a query.</summary>
    public async ValueTask CommitAfterReading()
    {
        if (IsRunning)
        {
            throw ScopeErrors.StillRunning(_scope.Work);
        }

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
    /// <param name="async">Whether to wait for the database without a thread.</param>
    /// <param name="isForgotten">Nobody said so: the transaction was disposed without a commit.</param>
    public async ValueTask RollbackByApplication(bool async, bool isForgotten = false)
    {
        var throwsAway = HasUncommittedWrites || HasPendingChanges;
        if (isForgotten && IsJoined && !throwsAway)
        {
            return;
        }

        _endedByApplication = throwsAway;
        using var outside = IsJoined ? Outside() : null;
        await Rollback(async);
        BeginAgain();
    }

    public ValueTask Rollback(bool async)
    {
        if (IsJoined)
        {
            _joined!.Rollback();
        }

        return _inTransaction && !IsLeftToStatement ? RollbackBegun(async) : ValueTask.CompletedTask;
    }

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

        // What was committed before stays, and its connection goes back now.
        await MarkWrites(async);
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
        if (!_isSnapshot)
        {
            await Release(async);
        }

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
