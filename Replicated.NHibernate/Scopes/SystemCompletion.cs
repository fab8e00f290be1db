using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>The end of a TransactionScope in which a role's units took part.</summary>
internal sealed class SystemCompletion(RoleWork work, RoleCompletion completion)
{
    /// <summary>
    /// Before it commits: what failed must not be reported as committed, and plain ADO.NET, or a function that a query calls, may have written unseen.
    /// </summary>
    /// <param name="mayAsk">Whether the connection may be used now.</param>
    /// <exception cref="InvalidOperationException">A statement failed, and its error was swallowed.</exception>
    public void BeforeCommit(bool mayAsk)
    {
        work.Transaction.ThrowIfFailed();
        var services = work.Host.Services;
        work.Joined!.LookedForWrites |= mayAsk && work.Writes.HasUncommitted;
        if (!mayAsk || work.Writes.HasUncommitted || work.Role == DatabaseRole.Slave || !services.HasSlaves || services.Tokens.IsOff || work.Provider.Dialect.HasWrittenQuery is not { } hasWritten
            || !work.Lease.IsOpen)
        {
            return;
        }

        work.Joined.LookedForWrites = true;
        using var command = work.Lease.Current!.CreateCommand();
        command.CommandText = hasWritten;
        // One that is still reading cannot be asked.
        if (work.IsReading || command.ExecuteScalar() is true)
        {
            work.Writes.Note(isAutocommitted: false);
        }
    }

    /// <summary>It took the place of the transaction, which had not begun on the server.</summary>
    public void After(bool committed)
    {
        if (committed || !work.Transaction.IsBegun)
        {
            (work.Writes.HasUncommitted, work.Writes.HasUntokened) = (false, committed && (work.Writes.HasUncommitted || work.Writes.HasUntokened));
        }
        else
        {
            completion.RollbackByApplication(async: false, isForgotten: false).AsTask().GetAwaiter().GetResult();
        }
    }
}
