using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Tests.Support.Profiling;

/// <summary>A driver that wraps another one's, as profilers do: nothing of the inner connection shows but what it does.</summary>
/// <param name="inner">The driver inside.</param>
/// <param name="batches">Whether it knows batches; many such drivers are older than those.</param>
/// <param name="lazy">Whether it looks at a connection string only when it opens.</param>
internal sealed class ProfiledFactory(DbProviderFactory inner, bool batches, bool lazy = false) : DbProviderFactory
{
    /// <summary>What went through its connections.</summary>
    public ConcurrentQueue<string> Executed { get; } = new();

    public override DbConnection CreateConnection() => new ProfiledConnection(inner.CreateConnection()!, batches, lazy, Executed);
}

internal sealed class ProfiledConnection(DbConnection inner, bool batches, bool lazy, ConcurrentQueue<string> log) : DbConnection
{
    private string? _string;

    internal DbConnection Inner => inner;

    internal ConcurrentQueue<string> Log => log;

    [AllowNull]
    public override string ConnectionString
    {
        get => _string ?? inner.ConnectionString;
        set
        {
            _string = value;
            if (!lazy)
            {
                inner.ConnectionString = value;
            }
        }
    }

    public override int ConnectionTimeout => inner.ConnectionTimeout;

    public override string Database => inner.Database;

    public override string DataSource => inner.DataSource;

    public override string ServerVersion => inner.ServerVersion;

    public override ConnectionState State => inner.State;

    public override bool CanCreateBatch => batches && inner.CanCreateBatch;

    public override void Open()
    {
        Apply();
        inner.Open();
    }

    public override Task OpenAsync(CancellationToken cancellationToken)
    {
        Apply();
        return inner.OpenAsync(cancellationToken);
    }

    public override void Close() => inner.Close();

    public override Task CloseAsync() => inner.CloseAsync();

    public override void ChangeDatabase(string databaseName) => inner.ChangeDatabase(databaseName);

    public override void EnlistTransaction(System.Transactions.Transaction? transaction) => inner.EnlistTransaction(transaction);

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => new ProfiledTransaction(this, inner.BeginTransaction(isolationLevel));

    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        new ProfiledTransaction(this, await inner.BeginTransactionAsync(isolationLevel, cancellationToken));

    protected override DbCommand CreateDbCommand() => new ProfiledCommand(inner.CreateCommand(), this);

    protected override DbBatch CreateDbBatch() => batches ? new ProfiledBatch(inner.CreateBatch(), this) : base.CreateDbBatch();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Apply()
    {
        if (lazy)
        {
            inner.ConnectionString = _string;
        }
    }
}

internal sealed class ProfiledTransaction(ProfiledConnection connection, DbTransaction inner) : DbTransaction
{
    internal DbTransaction Inner => inner;

    public override IsolationLevel IsolationLevel => inner.IsolationLevel;

    protected override DbConnection DbConnection => connection;

    public override void Commit() => inner.Commit();

    public override void Rollback() => inner.Rollback();

    public override Task CommitAsync(CancellationToken cancellationToken = default) => inner.CommitAsync(cancellationToken);

    public override Task RollbackAsync(CancellationToken cancellationToken = default) => inner.RollbackAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
