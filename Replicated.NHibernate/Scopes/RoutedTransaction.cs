using System.Data;
using System.Data.Common;

namespace Replicated.NHibernate.Scopes;

/// <summary>The transaction of a routed connection, as ADO.NET wants to see it. Ending it ends it for the whole scope's role.</summary>
internal sealed class RoutedTransaction(DbConnection connection, ConnectionTarget target) : DbTransaction
{
    private bool _ended;

    public override IsolationLevel IsolationLevel => target.Level;

    public override bool SupportsSavepoints => true;

    protected override DbConnection? DbConnection => _ended ? null : connection;

    public override void Commit() => Commit(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override Task CommitAsync(CancellationToken cancellationToken = default) => Commit(async: true, cancellationToken).AsTask();

    public override void Rollback() => Rollback(async: false).AsTask().GetAwaiter().GetResult();

    public override Task RollbackAsync(CancellationToken cancellationToken = default) => Rollback(async: true).AsTask();

    public override void Save(string savepointName) => Begun().Save(savepointName);

    public override Task SaveAsync(string savepointName, CancellationToken cancellationToken = default) => Begun().SaveAsync(savepointName, cancellationToken);

    public override void Rollback(string savepointName)
    {
        Begun().Rollback(savepointName);
        target.NoteSavepointRollback();
    }

    public override async Task RollbackAsync(string savepointName, CancellationToken cancellationToken = default)
    {
        await Begun().RollbackAsync(savepointName, cancellationToken);
        target.NoteSavepointRollback();
    }

    public override void Release(string savepointName) => Begun().Release(savepointName);

    public override Task ReleaseAsync(string savepointName, CancellationToken cancellationToken = default) => Begun().ReleaseAsync(savepointName, cancellationToken);

    public override async ValueTask DisposeAsync()
    {
        await Rollback(async: true, isForgotten: true);
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Rollback(async: false, isForgotten: true).AsTask().GetAwaiter().GetResult();
        }

        base.Dispose(disposing);
    }

    // A savepoint is a statement: it begins the transaction on the server.
    private DbTransaction Begun()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        connection.Open();
        return target.Enlist()
            ?? throw new InvalidOperationException("A savepoint needs a transaction of the connection's own; a TransactionScope has none.");
    }

    private async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _ended = true;
        await target.CommitByApplication(async, cancellationToken);
    }

    private async ValueTask Rollback(bool async, bool isForgotten = false)
    {
        if (!_ended)
        {
            _ended = true;
            await target.RollbackByApplication(async, isForgotten);
        }
    }
}
