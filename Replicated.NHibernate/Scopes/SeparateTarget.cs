using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Transaction = System.Transactions.Transaction;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// A connection of its own: of a session that the application opened by itself, or of work outside a scope's transaction, such as hilo. It passes the same guard, and
/// its transactions are the caller's.
/// </summary>
internal sealed class SeparateTarget(
    DatabaseProvider provider, string connectionString, DatabaseRole role, Func<DbConnection, bool, CancellationToken, ValueTask>? afterOpening = null, bool isReadOnly = false) : ConnectionTarget
{
    private DbConnection? _opened;
    private DbTransaction? _transaction;
    private Transaction? _system;
    private bool _isClosed;

    public override DatabaseRole Role => role;

    public override DatabaseDialect Dialect => provider.Dialect;

    public override DbConnection? Current => _opened;

    public override string ConnectionString => connectionString;

    public override IsolationLevel Level => _transaction?.IsolationLevel ?? IsolationLevel.Unspecified;

    public override WriteRefusal? Refusal => role == DatabaseRole.Slave ? WriteRefusal.Slave : null;

    public override bool IsOver => _isClosed;

    public override bool CanCreateBatch => provider.CanBatch;

    public override async ValueTask<DbConnection> Connect(bool async, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        if (_opened is null)
        {
            _opened = await Open(async, cancellationToken);
            if (_system is not null)
            {
                _opened.EnlistTransaction(_system);
            }
        }

        return _opened;
    }

    public override DbTransaction? Enlist() => _transaction;

    public override DbCommand CreateProviderCommand() => provider.CreateCommand();

    public override DbBatch CreateProviderBatch() => provider.CreateBatch();

    public override void BeginOperation()
    {
    }

    public override void EndOperation()
    {
    }

    public override void NoteReader(DbDataReader reader)
    {
    }

    public override void NoteWrite()
    {
    }

    public override void NoteFailure(Exception failure)
    {
    }

    public override void NoteSavepointRollback()
    {
    }

    public override void NoteLoss(Exception loss)
    {
    }

    public override Exception Ended() => new ObjectDisposedException(nameof(RoutedConnection));

    public override Exception Refused(WriteRefusal refusal, string what, WriteLayer layer, Exception? inner = null) =>
        SlaveWriteException.OutsideRouting(what, layer, inner);

    public override void Begin(IsolationLevel level) =>
        _transaction = provider.Begin(Connect(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult(), level);

    public override async ValueTask CommitByApplication(bool async, CancellationToken cancellationToken)
    {
        if (_transaction is not { } transaction)
        {
            return;
        }

        _transaction = null;
        if (async)
        {
            await transaction.CommitAsync(cancellationToken);
        }
        else
        {
            transaction.Commit();
        }

        transaction.Dispose();
    }

    public override async ValueTask RollbackByApplication(bool async, bool isForgotten = false)
    {
        if (_transaction is not { } transaction)
        {
            return;
        }

        _transaction = null;
        if (!isForgotten && async)
        {
            await transaction.RollbackAsync(CancellationToken.None);
        }
        else if (!isForgotten)
        {
            transaction.Rollback();
        }

        transaction.Dispose();
    }

    public override void Enlist(Transaction? transaction)
    {
        _system = transaction;
        _opened?.EnlistTransaction(transaction);
    }

    private async ValueTask<DbConnection> Open(bool async, CancellationToken cancellationToken)
    {
        var opened = await provider.Open(connectionString, async, cancellationToken);
        try
        {
            if (isReadOnly)
            {
                await provider.MakeReadOnly(opened, async, cancellationToken);
            }

            await (afterOpening?.Invoke(opened, async, cancellationToken) ?? ValueTask.CompletedTask);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    public void Close()
    {
        _isClosed = true;
        var opened = _opened;
        (_opened, _transaction) = (null, null);
        opened?.Dispose();
    }
}
