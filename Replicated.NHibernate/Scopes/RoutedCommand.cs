using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// A provider's own command that gets its connection and its transaction when it runs. On a connection that is not routed it is the provider's command and nothing
/// more.
/// </summary>
internal sealed class RoutedCommand(DbCommand inner) : DbCommand
{
    private DbCommand _inner = inner;
    private RoutedConnection? _connection;
    private DbTransaction? _transaction;
    private SqlVerdict _verdict;

    public DbCommand Inner => _inner;

    [AllowNull]
    public override string CommandText { get => _inner.CommandText; set => _inner.CommandText = value; }

    public override int CommandTimeout { get => _inner.CommandTimeout; set => _inner.CommandTimeout = value; }

    public override CommandType CommandType { get => _inner.CommandType; set => _inner.CommandType = value; }

    public override UpdateRowSource UpdatedRowSource { get => _inner.UpdatedRowSource; set => _inner.UpdatedRowSource = value; }

    public override bool DesignTimeVisible { get => _inner.DesignTimeVisible; set => _inner.DesignTimeVisible = value; }

    protected override DbConnection? DbConnection
    {
        get => _connection ?? _inner.Connection;
        set
        {
            _connection = value as RoutedConnection;
            if (_connection is null)
            {
                _inner.Connection = value;
            }
        }
    }

    // A procedure's name alone says nothing of what it is.
    private string Sql => _inner.CommandType == CommandType.StoredProcedure ? $"call {_inner.CommandText}" : _inner.CommandText;

    protected override DbParameterCollection DbParameterCollection => _inner.Parameters;

    // A routed connection has one transaction; what the caller passes is a view of it.
    protected override DbTransaction? DbTransaction
    {
        get => _connection is null ? _inner.Transaction : _transaction;
        set
        {
            _transaction = value;
            if (_connection is null)
            {
                _inner.Transaction = value;
            }
        }
    }

    public override void Cancel() => _inner.Cancel();

    public override void Prepare() => Run(static (c, _) =>
    {
        c.Inner.Prepare();
        return 0;
    });

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => RunAsync(
        static async (c, _, ct) =>
        {
            await c.Inner.PrepareAsync(ct);
            return 0;
        },
        static (_, done) => done,
        cancellationToken);

    /// <summary>Gives the provider's command its connection and transaction now, for somebody who runs it past this one.</summary>
    public void BindForProvider() => Run(static (c, _) =>
    {
        c._connection?.Target.NoteRun();
        return 0;
    });

    public override int ExecuteNonQuery() => Run(static (c, _) => c.Ran(c.Inner.ExecuteNonQuery()));

    public override object? ExecuteScalar() => Run(static (c, _) => c.Ran(c.Inner.ExecuteScalar()), answersWithRows: true);

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken) =>
        RunAsync(static (c, _, ct) => c.Inner.ExecuteNonQueryAsync(ct), static (c, rows) => c.Ran(rows), cancellationToken);

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) =>
        RunAsync(static (c, _, ct) => c.Inner.ExecuteScalarAsync(ct), static (c, value) => c.Ran(value), cancellationToken, answersWithRows: true);

    protected override DbParameter CreateDbParameter() => _inner.CreateParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) =>
        Run(static (c, kept) => c.Reading(c.Inner.ExecuteReader(kept)), answersWithRows: true, Kept(behavior));

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) => RunAsync(
        static (c, kept, ct) => c.Inner.ExecuteReaderAsync(kept, ct), static (c, reader) => c.Reading(reader), cancellationToken, answersWithRows: true, Kept(behavior));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private T Run<T>(Func<RoutedCommand, CommandBehavior, T> run, bool answersWithRows = false, CommandBehavior behavior = default)
    {
        using var running = Begin();
        while (true)
        {
            try
            {
                Bind(answersWithRows, async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult();
                return run(this, behavior);
            }
            catch (Exception e)
            {
                if (!Repeats(e, async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult())
                {
                    Failed(e);
                    throw;
                }

                Renew();
            }
        }
    }

    private async Task<T> RunAsync<T>(
        Func<RoutedCommand, CommandBehavior, CancellationToken, Task<T>> run,
        Func<RoutedCommand, T, T> ran,
        CancellationToken cancellationToken,
        bool answersWithRows = false,
        CommandBehavior behavior = default)
    {
        using var running = Begin();
        while (true)
        {
            try
            {
                await Bind(answersWithRows, async: true, cancellationToken);
                return ran(this, await run(this, behavior, cancellationToken));
            }
            catch (Exception e)
            {
                if (!await Repeats(e, async: true, cancellationToken))
                {
                    Failed(e);
                    throw;
                }

                Renew();
            }
        }
    }

    private RunningOperation Begin()
    {
        if (_connection?.Target is not { } target)
        {
            return default;
        }

        var running = new RunningOperation(target);
        try
        {
            _verdict = target.Check(_inner.CommandText, _inner.CommandType);
            return running;
        }
        catch
        {
            running.Dispose();
            throw;
        }
    }

    private ValueTask Bind(bool answersWithRows, bool async, CancellationToken cancellationToken)
    {
        if (_connection?.Target is not { } target)
        {
            return ValueTask.CompletedTask;
        }

        var connecting = target.Connect(async, cancellationToken);
        if (!connecting.IsCompletedSuccessfully)
        {
            return BindLater(target, connecting, answersWithRows);
        }

        Bind(target, connecting.GetAwaiter().GetResult(), answersWithRows);
        return ValueTask.CompletedTask;
    }

    private async ValueTask BindLater(ConnectionTarget target, ValueTask<DbConnection> connecting, bool answersWithRows) =>
        Bind(target, await connecting, answersWithRows);

    private void Bind(ConnectionTarget target, DbConnection connection, bool answersWithRows)
    {
        _inner.Connection = connection;
        _inner.Transaction = target.Enlist();
        target.Runs(_verdict, _inner.CommandText, answersWithRows);
    }

    private T Ran<T>(T result)
    {
        _connection?.Target.HasRun(_verdict);
        return result;
    }

    private DbDataReader Reading(DbDataReader reader)
    {
        if (_connection?.Target is not { } target)
        {
            return reader;
        }

        target.NoteReader(reader);
        target.HasRun(_verdict);
        return new RoutedReader(target, reader, Sql);
    }

    // The connection is the scope's; a reader must not close it.
    private CommandBehavior Kept(CommandBehavior behavior) => _connection is null ? behavior : behavior & ~CommandBehavior.CloseConnection;

    // Whatever it may do if it commits by itself.
    private ValueTask<bool> Repeats(Exception failure, bool async, CancellationToken cancellationToken) => _connection?.Target is { } target
        ? target.Repeats(failure, StatementGuard.MayWrite(_verdict, _inner.CommandText, answersWithRows: true, isAutocommitted: true), async, cancellationToken)
        : ValueTask.FromResult(false);

    // A provider's command remembers what was being prepared on the connection that it lost.
    private void Renew()
    {
        var (former, command) = (_inner, _connection!.Target.CreateProviderCommand());
        (command.CommandText, command.CommandType, command.CommandTimeout, command.UpdatedRowSource) = (former.CommandText, former.CommandType, former.CommandTimeout, former.UpdatedRowSource);
        DbParameter[] parameters = [.. former.Parameters.Cast<DbParameter>()];
        former.Parameters.Clear();
        command.Parameters.AddRange(parameters);
        _inner = command;
        former.Dispose();
    }

    private void Failed(Exception failure) => _connection?.Target.Failed(failure, Sql);
}
