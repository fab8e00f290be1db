using System.Data;
using System.Transactions;

namespace Replicated.NHibernate.Scopes;

/// <summary>A TransactionScope in the place of the role's own transaction, as long as no command has begun that one. Only the master joins.</summary>
internal sealed partial class RoleConnection
{
    private Transaction? _joined;
    private bool _lookedForWrites;

    /// <summary>Whether one that goes on has the last word over what was done here.</summary>
    public bool IsJoined => _joined is { TransactionInformation.Status: TransactionStatus.Active };

    /// <summary>Where a TransactionScope that was rolled back is still around, no session can be spoken to: each would join it.</summary>
    public static TransactionScope Outside() => new(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled);

    /// <summary>A TransactionScope takes over. Without a session's enlistment nobody asks what it wrote, and it is marked to be safe.</summary>
    public void Joins(Transaction ambient)
    {
        if (!ambient.Equals(_joined))
        {
            // A copy, because that of an inner scope ends with it.
            (_joined, _lookedForWrites) = (ambient.Clone(), false);
            ambient.TransactionCompleted += (_, e) =>
            {
                (_joined, _failure) = (null, null);
                _hasUnmarkedWrites |= !_lookedForWrites && e.Transaction?.TransactionInformation.Status == TransactionStatus.Committed;
                // Sessions hear of the end by themselves, and need to know then whether something is lost with it.
                HasUncommittedWrites &= !Array.TrueForAll(_units, static u => u is ConnectionUnit);
            };
        }
    }

    /// <summary>
    /// Before it commits: what failed must not be reported as committed, and plain ADO.NET, or a function that a query calls, may have written
    /// unseen.
    /// </summary>
    /// <param name="mayAsk">Whether the connection may be used now.</param>
    /// <exception cref="InvalidOperationException">A statement failed, and its error was swallowed.</exception>
    public void BeforeSystemCommit(bool mayAsk)
    {
        ThrowIfFailed();
        var services = _scope.Services;
        _lookedForWrites |= mayAsk && HasUncommittedWrites;
        if (!mayAsk || HasUncommittedWrites || Role == DatabaseRole.Slave || !services.HasSlaves || services.Marks.IsOff
            || services.Pool.Provider.Dialect.HasWrittenQuery is not { } hasWritten || Current is not { State: ConnectionState.Open } connection)
        {
            return;
        }

        _lookedForWrites = true;
        using var command = connection.CreateCommand();
        command.CommandText = hasWritten;
        // One that is still reading cannot be asked.
        if (IsReading || command.ExecuteScalar() is true)
        {
            NoteWrite();
        }
    }

    /// <summary>It took the place of the transaction, which had not begun on the server.</summary>
    public void AfterSystemTransaction(bool committed)
    {
        if (committed || !_inTransaction)
        {
            (HasUncommittedWrites, _hasUnmarkedWrites) = (false, committed && (HasUncommittedWrites || _hasUnmarkedWrites));
        }
        else
        {
            RollbackByApplication(async: false).AsTask().GetAwaiter().GetResult();
        }
    }
}
