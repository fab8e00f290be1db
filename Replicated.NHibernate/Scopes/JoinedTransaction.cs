using System.Data.Common;
using System.Transactions;

namespace Replicated.NHibernate.Scopes;

/// <summary>A TransactionScope in the place of the role's own transaction, as long as no statement has begun that one. Only the master joins.</summary>
internal sealed class JoinedTransaction(Action<bool> completed)
{
    private Transaction? _joined;

    /// <summary>Whether somebody has looked for what was written in it.</summary>
    public bool LookedForWrites { get; set; }

    /// <summary>Whether it has the last word over what is done here: it was joined, and has not been forgotten.</summary>
    public bool IsKnown => _joined is not null;

    /// <summary>Whether it goes on.</summary>
    public bool IsActive => _joined is { TransactionInformation.Status: TransactionStatus.Active };

    /// <summary>The one to take part in: who has joined one stays with it in those within it.</summary>
    public Transaction? Around => _joined ?? Transaction.Current;

    /// <summary>Where one that was rolled back is still around, no session can be spoken to: each would join it.</summary>
    public static TransactionScope Outside() => new(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled);

    public static TransactionScope? OutsideOfAny() => Transaction.Current is null ? null : Outside();

    public TransactionScope? OutsideWhereActive() => IsActive ? Outside() : null;

    public void Join(Transaction ambient)
    {
        if (ambient.Equals(_joined))
        {
            return;
        }

        // A copy, because that of an inner scope ends with it.
        (_joined, LookedForWrites) = (ambient.Clone(), false);
        ambient.TransactionCompleted += (_, e) =>
        {
            _joined = null;
            completed(e.Transaction?.TransactionInformation.Status == TransactionStatus.Committed);
        };
    }

    public void Enlist(DbConnection connection, Transaction ambient)
    {
        connection.EnlistTransaction(ambient);
        Join(ambient);
    }

    public void Rollback() => _joined!.Rollback();
}
