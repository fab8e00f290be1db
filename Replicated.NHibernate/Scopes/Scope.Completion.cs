using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>How a scope comes to its end: commit, rollback, and what is said of what nobody committed.</summary>
internal sealed partial class Scope
{
    private bool _completesAtEnd;
    private bool _isCommitted;
    private bool _leavesMaster;

    public Task CommitAsync(CancellationToken cancellationToken = default) => Commit(async: true, cancellationToken).AsTask();

    public Task RollbackAsync() => Rollback(async: true).AsTask();

    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (IsEnded)
        {
            throw ScopeErrors.Ended(Work);
        }

        if (IsSealed)
        {
            return;
        }

        if (_isRollbackOnly)
        {
            await RollBackOnly(async);
            return;
        }

        // What the application began, the application ends; what it leaves open is rolled back with the request.
        _leavesMaster = Kind == ScopeKind.Request && _master is { IsTheApplications: true };
        // A response that is written while its rows are read: what only reads can be ended with the request.
        var (slaveWaits, masterWaits) = Kind == ScopeKind.Request ? (_slave is { IsNeeded: true }, !_leavesMaster && await MasterIsReading(async)) : (false, false);
        try
        {
            // The slave first: if it holds changes that nobody would write, the master's must not be committed either.
            if (_slave is not null && !slaveWaits)
            {
                await _slave.Completion.RefusePendingChanges(async, cancellationToken);
                await _slave.Tokens.TellRead(async);
                await _slave.Completion.LeaveSlave(async);
            }

            if (_leavesMaster)
            {
                Services.Logger.TransactionLeftOpen(Work.ToString());
            }
            else if (_master is not null && IsTransactional && !masterWaits)
            {
                await _master.Completion.Commit(async, cancellationToken);
                ScopeRemarks.Audit(_master);
            }

            if (_master is not null)
            {
                await _master.Tokens.TellWrites(async);
            }
        }
        catch
        {
            await Rollback(async);
            throw;
        }

        _completesAtEnd = slaveWaits || masterWaits;
        Complete(committed: true);
    }

    /// <summary>The end of a request whose response was written while its rows were read.</summary>
    public ValueTask CompleteAfterReading() => _completesAtEnd ? CompleteWhatWaited() : ValueTask.CompletedTask;

    private async ValueTask CompleteWhatWaited()
    {
        _completesAtEnd = false;
        if (_slave is { IsRunning: false })
        {
            await _slave.Completion.RefusePendingChanges(async: true, CancellationToken.None);
        }

        if (_master is { IsInTransaction: true })
        {
            await _master.Completion.CommitAfterReading();
            ScopeRemarks.Audit(_master);
        }
    }

    public async ValueTask Rollback(bool async)
    {
        if (IsEnded || (IsSealed && !_completesAtEnd))
        {
            return;
        }

        using var outside = _master is { IsJoined: true } ? JoinedTransaction.Outside() : null;
        // Not under a statement that a request forgot: the request's end waits for it, and rolls back then.
        if (_slave is not null && (Kind != ScopeKind.Request || !_slave.IsRunning))
        {
            await _slave.Completion.Rollback(async);
            await _slave.GiveBack(async);
        }

        if (_master is not null && (Kind != ScopeKind.Request || !_master.IsRunning))
        {
            await (IsTransactional ? _master.Completion.Rollback(async) : ValueTask.CompletedTask);
            await _master.Tokens.TellWrites(async);
            await (IsTransactional ? _master.GiveBack(async) : ValueTask.CompletedTask);
        }

        if (Kind != ScopeKind.Request)
        {
            // It goes on: no later commit is to write what the sessions still hold.
            _slave?.Forget();
            _master?.Forget();
        }

        Complete(committed: false);
    }

    /// <summary>Undoes what was not committed, and ends its sessions: what runs now has nothing to do with them.</summary>
    public async ValueTask StartOver(bool async)
    {
        var (master, slave) = (_master, _slave);
        (_master, _slave, _kept, IsSealed) = (null, null, null, false);
        if (slave is not null)
        {
            await slave.End(async);
        }

        if (master is not null)
        {
            await master.End(async);
        }
    }

    public void Dispose()
    {
        LeaveAmbient();
        End(async: false).AsTask().GetAwaiter().GetResult();
    }

    // Not async: an async method could not give its caller the former ambient scope back.
    public ValueTask DisposeAsync()
    {
        LeaveAmbient();
        return End(async: true);
    }

    private void Complete(bool committed)
    {
        _isCommitted = committed;
        _completesAtEnd &= committed;
        IsSealed = Kind == ScopeKind.Request && IsTransactional;
        _master?.BeginAgain();
        _slave?.BeginAgain();
    }

    private void LeaveAmbient()
    {
        _ambient?.End(Work, restores: Kind != ScopeKind.Request);
        _ambient = null;
    }

    private async ValueTask End(bool async)
    {
        lock (owner)
        {
            if (IsEnded)
            {
                return;
            }

            IsEnded = true;
        }

        // What the application's listeners throw here must not keep the other connection from going back.
        try
        {
            if (_slave is not null)
            {
                await _slave.End(async);
            }
        }
        finally
        {
            if (_master is not null)
            {
                // After a rollback the changes are meant to be lost.
                ScopeRemarks.Lost(_master, isMeant: IsSealed ? !_isCommitted || _leavesMaster : Kind == ScopeKind.Request);
                await _master.End(async);
            }

            await (_handlerServices?.End(async) ?? ValueTask.CompletedTask);
            Activity?.Dispose();
        }
    }

    private async ValueTask<bool> MasterIsReading(bool async)
    {
        if (_master is not { IsReading: true, IsInTransaction: true } || !IsTransactional)
        {
            return false;
        }

        // Bytes must not leave before the commit of what was written. Whether changes wait cannot be asked while a statement runs.
        return !(!_master.IsRunning && _master.HasPendingChanges) && !(await _master.HasWrittenSoFar(async) ?? _master.HasUncommittedWrites)
            ? true
            : throw ScopeErrors.StillReading(Work);
    }
}
