using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>A provider's own batch that gets its connection and its transaction when it runs.</summary>
internal sealed class RoutedBatch(DbBatch inner) : DbBatch
{
    private RoutedConnection? _connection;
    private DbTransaction? _transaction;

    public DbBatch Inner => inner;

    public override int Timeout { get => inner.Timeout; set => inner.Timeout = value; }

    protected override DbBatchCommandCollection DbBatchCommands => inner.BatchCommands;

    protected override DbConnection? DbConnection
    {
        get => _connection ?? inner.Connection;
        set
        {
            _connection = value as RoutedConnection;
            if (_connection is null)
            {
                inner.Connection = value;
            }
        }
    }

    protected override DbTransaction? DbTransaction
    {
        get => _connection is null ? inner.Transaction : _transaction;
        set
        {
            _transaction = value;
            if (_connection is null)
            {
                inner.Transaction = value;
            }
        }
    }

    public override void Cancel() => inner.Cancel();

    public override void Prepare() => Run(async: false, answersWithRows: false, static (b, _) =>
    {
        b.Prepare();
        return Task.FromResult(0);
    }, CancellationToken.None).GetAwaiter().GetResult();

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => Run(async: true, answersWithRows: true, static async (b, ct) =>
    {
        await b.PrepareAsync(ct);
        return 0;
    }, cancellationToken);

    /// <summary>Gives the provider's batch its connection and transaction now, for somebody who runs it past this one.</summary>
    public void BindForProvider() => Run(async: false, answersWithRows: false, static (_, _) => Task.FromResult(0), CancellationToken.None).GetAwaiter().GetResult();

    public override int ExecuteNonQuery() =>
        Run(async: false, answersWithRows: false, static (b, _) => Task.FromResult(b.ExecuteNonQuery()), CancellationToken.None).GetAwaiter().GetResult();

    public override Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken = default) =>
        Run(async: true, answersWithRows: false, static (b, ct) => b.ExecuteNonQueryAsync(ct), cancellationToken);

    public override object? ExecuteScalar() =>
        Run(async: false, answersWithRows: true, static (b, _) => Task.FromResult(b.ExecuteScalar()), CancellationToken.None).GetAwaiter().GetResult();

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken = default) =>
        Run(async: true, answersWithRows: true, static (b, ct) => b.ExecuteScalarAsync(ct), cancellationToken);

    public override void Dispose()
    {
        inner.Dispose();
        base.Dispose();
    }

    protected override DbBatchCommand CreateDbBatchCommand() => inner.CreateBatchCommand();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) =>
        Run(async: false, answersWithRows: true, (b, _) => Task.FromResult(Reading(b.ExecuteReader(behavior))), CancellationToken.None).GetAwaiter().GetResult();

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) =>
        Run(async: true, answersWithRows: true, async (b, ct) => Reading(await b.ExecuteReaderAsync(behavior, ct)), cancellationToken);

    private DbDataReader Reading(DbDataReader reader)
    {
        if (_connection?.Target is not { } target)
        {
            return reader;
        }

        target.NoteReader(reader);
        return new RoutedReader(target, reader, "");
    }

    private async Task<T> Run<T>(bool async, bool answersWithRows, Func<DbBatch, CancellationToken, Task<T>> run, CancellationToken cancellationToken)
    {
        if (_connection?.Target is not { } target)
        {
            return await run(inner, cancellationToken);
        }

        using var running = new RunningOperation(target);
        SqlVerdict[] verdicts = [.. inner.BatchCommands.Select(command => target.Check(command.CommandText, command.CommandType))];
        while (true)
        {
            try
            {
                inner.Connection = await target.Connect(async, cancellationToken);
                inner.Transaction = target.Enlist();
                for (var i = 0; i < verdicts.Length; i++)
                {
                    target.Runs(verdicts[i], inner.BatchCommands[i].CommandText, answersWithRows);
                }

                var result = await run(inner, cancellationToken);
                Array.ForEach(verdicts, target.HasRun);
                return result;
            }
            catch (Exception e)
            {
                if (!await target.Repeats(e, MayWrite(verdicts), async, cancellationToken))
                {
                    target.Failed(e, inner.BatchCommands is [var first, ..] ? first.CommandText : "");
                    throw;
                }

                Renew();
            }
        }
    }

    // A provider's command remembers what was being prepared on the connection that it lost, and Npgsql 9 runs none with named parameters twice in a batch.
    private void Renew()
    {
        for (var i = 0; i < inner.BatchCommands.Count; i++)
        {
            var former = inner.BatchCommands[i];
            var command = inner.CreateBatchCommand();
            (command.CommandText, command.CommandType) = (former.CommandText, former.CommandType);
            DbParameter[] parameters = [.. former.Parameters.Cast<DbParameter>()];
            former.Parameters.Clear();
            command.Parameters.AddRange(parameters);
            inner.BatchCommands[i] = command;
        }
    }

    private bool MayWrite(SqlVerdict[] verdicts)
    {
        for (var i = 0; i < verdicts.Length; i++)
        {
            if (StatementGuard.MayWrite(verdicts[i], inner.BatchCommands[i].CommandText, answersWithRows: true, isAutocommitted: true))
            {
                return true;
            }
        }

        return false;
    }
}
