using System.Data;
using System.Data.Common;

namespace Npgsql;

/// <summary>Ended by its methods, or by a statement that says so.</summary>
public sealed class MemoryTransaction(NpgsqlConnection connection) : DbTransaction
{
    private IsolationLevel _level;

    public override IsolationLevel IsolationLevel => _level;

    public override bool SupportsSavepoints => true;

    protected override DbConnection? DbConnection => connection.InTransaction ? connection : null;

    public override void Commit() => End();

    public override Task CommitAsync(CancellationToken cancellationToken = default)
    {
        End();
        return Task.CompletedTask;
    }

    public override void Rollback() => End();

    public override Task RollbackAsync(CancellationToken cancellationToken = default)
    {
        End();
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        connection.InTransaction = false;
        return ValueTask.CompletedTask;
    }

    internal MemoryTransaction Begin(IsolationLevel level)
    {
        _level = level == IsolationLevel.Unspecified ? IsolationLevel.ReadCommitted : level;
        return this;
    }

    protected override void Dispose(bool disposing) => connection.InTransaction = false;

    private void End() => connection.InTransaction = connection.InTransaction ? false : throw new InvalidOperationException("This transaction has completed; it is no longer usable.");
}
