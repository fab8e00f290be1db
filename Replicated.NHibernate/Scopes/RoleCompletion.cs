using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>The end of a role's transaction, for all its units together.</summary>
internal readonly struct RoleCompletion(RoleWork work)
{
    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (!work.Transaction.IsBegun)
        {
            return;
        }

        var committed = new Committed(work.Writes.HasUncommitted, Position: null);
        try
        {
            work.Transaction.ThrowIfFailed();
            await work.Units.BeforeCommit(async, cancellationToken);
            work.Transaction.ThrowIfFailed();
            if (work.IsJoined)
            {
                // Its commit is the TransactionScope's, of which sessions hear by themselves.
                await new RoleTokens(work).Tell(committed with { Wrote = work.Writes.HasUncommitted || work.Writes.HasUntokened }, async);
                work.Writes.HasUncommitted = false;
                return;
            }

            if (work.Transaction.Physical is { } transaction)
            {
                var told = await work.Provider.Dialect.Commit(work.Lease.Current!, transaction, work.Host.Services.Tokens.Positions, async);
                // Where the database says whether it gave the transaction an id, nothing else counts.
                committed = told with { Wrote = work.Provider.Dialect.TellsWrites(work.Host.Services.Tokens.Positions) ? told.Wrote : work.Writes.HasUncommitted };
            }
        }
        catch (Exception e)
        {
            await Rollback(async);
            throw DatabaseDialect.IsFailedTransaction(e) ? ScopeErrors.FailedStatement(work.Host.Work, e) : e.Rethrown();
        }

        await new RoleTokens(work).Tell(committed with { Wrote = committed.Wrote || work.Writes.HasUntokened }, async);
        await Completed(committed: true, async);
    }

    /// <summary>The commit of a request whose response began in the middle of a query.</summary>
    public async ValueTask CommitAfterReading()
    {
        if (work.Gate.IsRunning)
        {
            throw ScopeErrors.StillRunning(work.Host.Work);
        }

        await work.Lease.CloseReader(async: true);
        if (await WrittenQuestion.Ask(work, async: true))
        {
            // Bytes have left already, which must not have been a success.
            await Rollback(async: true);
            throw ScopeErrors.WroteWhileStreaming(work.Host.Work);
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
            work.Transaction.IsEndedByApplication = true;
            throw;
        }

        work.BeginAgain();
    }

    /// <summary>
    /// The application threw work away: what the units hold then must not be flushed at the end. If there was none, as after reading in a
    /// transaction that nobody commits, what it does next is committed like everything else.
    /// </summary>
    /// <param name="async">Whether to wait for the database without a thread.</param>
    /// <param name="isForgotten">Nobody said so: the transaction was disposed without a commit.</param>
    public async ValueTask RollbackByApplication(bool async, bool isForgotten)
    {
        var throwsAway = work.Writes.HasUncommitted || work.HasPendingChanges;
        if (isForgotten && work.IsJoined && !throwsAway)
        {
            return;
        }

        work.Transaction.IsEndedByApplication = throwsAway;
        using var outside = work.Joined?.OutsideWhereActive();
        await Rollback(async);
        work.BeginAgain();
    }

    public ValueTask Rollback(bool async)
    {
        if (work.IsJoined)
        {
            work.Joined!.Rollback();
        }

        return work.Transaction.IsBegun && !work.Gate.IsLeftToStatement ? RollbackBegun(async) : ValueTask.CompletedTask;
    }

    /// <summary>Brings a slave's units to the commit point: whatever they hold, nobody would write.</summary>
    public ValueTask RefusePendingChanges(bool async, CancellationToken cancellationToken)
    {
        if (work.Transaction.IsEndedByApplication)
        {
            return ValueTask.CompletedTask;
        }

        work.Transaction.ThrowIfFailed();
        return work.Units.BeforeCommit(async, cancellationToken);
    }

    /// <summary>A slave at the commit point: its connection goes back, unless the view is to see the snapshot too.</summary>
    public async ValueTask LeaveSlave(bool async)
    {
        if (!work.HasSnapshot)
        {
            await Rollback(async);
            await work.GiveBack(async);
        }
        else if (work.Transaction.IsBegun)
        {
            await Completed(committed: true, async);
        }
    }

    private async ValueTask RollbackBegun(bool async)
    {
        try
        {
            if (work.Transaction.Physical is { Connection: not null } transaction)
            {
                await work.Lease.CloseReader(async);
                if (async)
                {
                    await transaction.RollbackAsync(CancellationToken.None);
                }
                else
                {
                    transaction.Rollback();
                }
            }
        }
        catch (InvalidOperationException) when (work.Lease.IsOpen)
        {
            // ADO.NET's word for a transaction that the database has ended by itself, as with a commit that it refused.
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
        {
            // A broken connection has rolled back already; the server does it when it notices.
            work.Host.Services.Logger.RollbackFailed(e, work.Host.Work.ToString());
        }

        // What was committed before stays, and its connection goes back now.
        await new RoleTokens(work).TellWrites(async);
        await Completed(committed: false, async);
    }

    private async ValueTask Completed(bool committed, bool async)
    {
        work.Writes.HasUncommitted = false;
        await work.Transaction.End();
        var thrown = work.Units.AfterCompletion(committed);
        if (!work.HasSnapshot)
        {
            await work.GiveBack(async);
        }

        thrown?.Throw();
    }
}
