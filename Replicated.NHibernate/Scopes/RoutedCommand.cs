using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Scopes;

/// <summary>A provider's own command that gets its connection and its transaction when it runs.</summary>
internal sealed class RoutedCommand(RoutedConnection owner, DbCommand inner) : DbCommand
{
    private static readonly string[] ReadingWords = ["select", "with", "values", "table", "show", "explain"];

    private RoutedConnection _connection = owner;

    [AllowNull]
    public override string CommandText { get => inner.CommandText; set => inner.CommandText = value; }

    public override int CommandTimeout { get => inner.CommandTimeout; set => inner.CommandTimeout = value; }

    public override CommandType CommandType { get => inner.CommandType; set => inner.CommandType = value; }

    public override UpdateRowSource UpdatedRowSource { get => inner.UpdatedRowSource; set => inner.UpdatedRowSource = value; }

    public override bool DesignTimeVisible { get => inner.DesignTimeVisible; set => inner.DesignTimeVisible = value; }

    protected override DbConnection? DbConnection
    {
        get => _connection;
        set => _connection = value as RoutedConnection ?? throw new ArgumentException("A routed command runs on a routed connection.", nameof(value));
    }

    protected override DbParameterCollection DbParameterCollection => inner.Parameters;

    // The scope's transaction is the only one there is; whatever the caller passes is a view of it.
    protected override DbTransaction? DbTransaction { get; set; }

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => Bind(async: false, writes: false, CancellationToken.None).AsTask().GetAwaiter().GetResult().Prepare();

    public override int ExecuteNonQuery() => Run(async: false, writes: true, static (c, _) => Task.FromResult(c.ExecuteNonQuery()), default).GetAwaiter().GetResult();

    public override object? ExecuteScalar() => Run(async: false, writes: MayWrite, static (c, _) => Task.FromResult(c.ExecuteScalar()), default).GetAwaiter().GetResult();

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken) =>
        Run(async: true, writes: true, static (c, ct) => c.ExecuteNonQueryAsync(ct), cancellationToken);

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) =>
        Run(async: true, writes: MayWrite, static (c, ct) => c.ExecuteScalarAsync(ct), cancellationToken);

    protected override DbParameter CreateDbParameter() => inner.CreateParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) =>
        Run(async: false, writes: MayWrite, (c, _) => Task.FromResult(Reading(c.ExecuteReader(Keep(behavior)))), default).GetAwaiter().GetResult();

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) =>
        Run(async: true, writes: MayWrite, async (c, ct) => Reading(await c.ExecuteReaderAsync(Keep(behavior), ct)), cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    // A statement that answers with rows may write too, such as INSERT … RETURNING.
    private bool MayWrite => !Array.Exists(ReadingWords, word => inner.CommandText.AsSpan().TrimStart().StartsWith(word, StringComparison.OrdinalIgnoreCase));

    private DbDataReader Reading(DbDataReader reader) => _connection.Role.Reads(reader, reader);

    // The connection is the scope's; a reader must not close it.
    private static CommandBehavior Keep(CommandBehavior behavior) => behavior & ~CommandBehavior.CloseConnection;

    private async Task<T> Run<T>(bool async, bool writes, Func<DbCommand, CancellationToken, Task<T>> run, CancellationToken cancellationToken)
    {
        var role = _connection.Role;
        role.Starts();
        try
        {
            var command = await Bind(async, writes, cancellationToken);
            try
            {
                return await run(command, cancellationToken);
            }
            catch (Exception e) when (!role.Scope.Services.Pool.Provider.Dialect.TellsFailedTransactions)
            {
                // PostgreSQL says itself, with the commit, whether its transaction has failed; a savepoint may have mended it.
                role.NoteFailure(e);
                throw;
            }
        }
        finally
        {
            role.Stops();
        }
    }

    private async ValueTask<DbCommand> Bind(bool async, bool writes, CancellationToken cancellationToken)
    {
        if (writes && _connection.Role.Refusal == WriteRefusal.AfterCompletion)
        {
            throw ScopeErrors.WriteAfterCompletion(_connection.Role.Scope.Work, "A statement was executed");
        }

        inner.Connection = await _connection.Role.Connect(async, cancellationToken);
        inner.Transaction = _connection.Role.Enlist();
        if (writes)
        {
            _connection.Role.NoteWrite();
        }

        return inner;
    }
}
