using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Reads of one moment on a slave: a transaction that only the end of the scope, or its rollback, ends. What the application begins and commits there is within it.
/// </summary>
internal sealed class SlaveSnapshot(DatabaseProvider provider, ILogger logger, IRoleHost host)
{
    private DbTransaction? _transaction;

    /// <summary>Whether the slave's reads are to be of one moment.</summary>
    public bool IsWanted { get; private set; }

    public bool IsPhysical => _transaction is not null;

    public DbTransaction? Transaction => _transaction;

    public void Want() => IsWanted = true;

    public void Forget() => IsWanted = false;

    /// <summary>Its connection is lost before a statement has run: the next one begins it anew.</summary>
    public void ForgetPhysical() => _transaction = null;

    public DbTransaction Start(DbConnection connection) => _transaction ??= provider.Begin(connection, provider.SnapshotLevel, onlyReads: true);

    public async ValueTask End(LeasedConnection lease, bool async)
    {
        var transaction = _transaction!;
        (_transaction, IsWanted) = (null, false);
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
