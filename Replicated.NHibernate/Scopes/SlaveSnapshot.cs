using System.Data;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Reads of one moment on a slave: a transaction that only the end of the scope, or its rollback, ends. What the application begins and commits there is within it. Also
/// where a pooler has dropped the read-only mode: reads in a read-only transaction, but not of one moment.
/// </summary>
internal sealed class SlaveSnapshot(DatabaseProvider provider, ILogger logger, IRoleHost host)
{
    private DbTransaction? _transaction;
    private bool _hasFailed;

    /// <summary>Whether the slave's reads are to be of one moment.</summary>
    public bool IsWanted { get; private set; }

    public bool IsPhysical => _transaction is not null;

    public DbTransaction? Transaction => _transaction;

    public void Want() => IsWanted = true;

    public void Forget() => IsWanted = false;

    /// <summary>Its connection is lost before a statement has run: the next one begins it anew.</summary>
    public void ForgetPhysical() => _transaction = null;

    /// <summary>A statement in it failed, after which PostgreSQL refuses all others; where it is no snapshot, the next one begins another transaction.</summary>
    public void NoteFailure() => _hasFailed = !IsWanted;

    /// <param name="connection">The open connection.</param>
    /// <param name="isReadOnly">Whether the database is to refuse writes in it, because the session does not.</param>
    public DbTransaction Start(DbConnection connection, bool isReadOnly)
    {
        if (_hasFailed && _transaction is { } failed)
        {
            (_hasFailed, _transaction) = (false, null);
            failed.Rollback();
            failed.Dispose();
        }

        return _transaction ??= provider.Begin(connection, IsWanted ? provider.SnapshotLevel : IsolationLevel.Unspecified, onlyReads: true, isReadOnly);
    }

    public async ValueTask End(LeasedConnection lease, bool async)
    {
        var transaction = _transaction!;
        (_transaction, IsWanted, _hasFailed) = (null, false, false);
        try
        {
            if (lease.IsOpen)
            {
                await lease.CloseReader(async);
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
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException or TimeoutException)
        {
            // The server does it when it notices that the connection is gone.
            logger.RollbackFailed(e, host.Work.ToString());
        }
    }
}
