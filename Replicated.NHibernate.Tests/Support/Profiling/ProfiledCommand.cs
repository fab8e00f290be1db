using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Tests.Support.Profiling;

internal sealed class ProfiledCommand(DbCommand inner, ProfiledConnection? connection) : DbCommand
{
    private ProfiledConnection? _connection = connection;
    private DbTransaction? _transaction;

    [AllowNull]
    public override string CommandText { get => inner.CommandText; set => inner.CommandText = value; }

    public override int CommandTimeout { get => inner.CommandTimeout; set => inner.CommandTimeout = value; }

    public override CommandType CommandType { get => inner.CommandType; set => inner.CommandType = value; }

    public override bool DesignTimeVisible { get => inner.DesignTimeVisible; set => inner.DesignTimeVisible = value; }

    public override UpdateRowSource UpdatedRowSource { get => inner.UpdatedRowSource; set => inner.UpdatedRowSource = value; }

    protected override DbConnection? DbConnection
    {
        get => _connection;
        set => (_connection, inner.Connection) = ((ProfiledConnection?)value, ((ProfiledConnection?)value)?.Inner);
    }

    protected override DbParameterCollection DbParameterCollection => inner.Parameters;

    protected override DbTransaction? DbTransaction
    {
        get => _transaction;
        set => (_transaction, inner.Transaction) = (value, ((ProfiledTransaction?)value)?.Inner);
    }

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => inner.Prepare();

    public override int ExecuteNonQuery() => Executed().ExecuteNonQuery();

    public override object? ExecuteScalar() => Executed().ExecuteScalar();

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken) => Executed().ExecuteNonQueryAsync(cancellationToken);

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) => Executed().ExecuteScalarAsync(cancellationToken);

    protected override DbParameter CreateDbParameter() => inner.CreateParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Executed().ExecuteReader(behavior);

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => Executed().ExecuteReaderAsync(behavior, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private DbCommand Executed()
    {
        _connection!.Log.Enqueue(inner.CommandText);
        return inner;
    }
}

/// <summary>Hands out the inner batch's own commands, so that an error's BatchCommand is one of them.</summary>
internal sealed class ProfiledBatch(DbBatch inner, ProfiledConnection connection) : DbBatch
{
    private DbTransaction? _transaction;

    public override int Timeout { get => inner.Timeout; set => inner.Timeout = value; }

    protected override DbBatchCommandCollection DbBatchCommands => inner.BatchCommands;

    protected override DbConnection? DbConnection { get => connection; set => throw new NotSupportedException(); }

    protected override DbTransaction? DbTransaction
    {
        get => _transaction;
        set => (_transaction, inner.Transaction) = (value, ((ProfiledTransaction?)value)?.Inner);
    }

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => inner.Prepare();

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => inner.PrepareAsync(cancellationToken);

    public override int ExecuteNonQuery() => Executed().ExecuteNonQuery();

    public override object? ExecuteScalar() => Executed().ExecuteScalar();

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default) => Executed().ExecuteNonQueryAsync(cancellationToken);

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default) => Executed().ExecuteScalarAsync(cancellationToken);

    protected override DbBatchCommand CreateDbBatchCommand() => inner.CreateBatchCommand();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => Executed().ExecuteReader(behavior);

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => Executed().ExecuteReaderAsync(behavior, cancellationToken);

    private DbBatch Executed()
    {
        connection.Log.Enqueue($"batch: {string.Join("; ", inner.BatchCommands.Select(c => c.CommandText))}");
        return inner;
    }
}
