using System.Data.Common;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>What became of a commit.</summary>
/// <param name="Wrote">Whether the transaction wrote, where the database tells.</param>
/// <param name="Position">A place in the log behind it, where the database told one in the same round trip.</param>
internal readonly record struct Committed(bool Wrote, Position? Position);

/// <summary>
/// COMMIT. PostgreSQL turns it into ROLLBACK, and reports success, after a statement that failed; a statement before it in the same
/// batch, the same round trip, fails instead, and tells whether the transaction wrote. One behind it tells the place in the log.
/// </summary>
internal static class CommitStatement
{
    /// <summary>Whether the transaction that runs has written, by PostgreSQL's own word.</summary>
    public const string HasWritten = "select txid_current_if_assigned() is not null";

    public static async ValueTask<Committed> Run(DbConnection connection, DbTransaction transaction, DatabaseProvider provider, ReplicationPositions? positions, bool async)
    {
        if (provider is not { IsNpgsql: true, CanBatch: true })
        {
            // Never cancelled: a client that went away does not decide over what was done for it.
            await (async ? new ValueTask(transaction.CommitAsync(CancellationToken.None)) : Sync(transaction.Commit));
            return default;
        }

        using var batch = connection.CreateBatch();
        batch.Transaction = transaction;
        Add(HasWritten);
        Add("commit");
        if (positions is not null)
        {
            Add(positions.MasterQuery);
        }

        var reader = async ? await batch.ExecuteReaderAsync(CancellationToken.None) : batch.ExecuteReader();
        try
        {
            var wrote = (async ? await reader.ReadAsync() : reader.Read()) && reader.GetBoolean(0);
            return new Committed(wrote, await PositionBehind(reader, batch, positions, async));
        }
        finally
        {
            await (async ? reader.DisposeAsync() : Sync(reader.Dispose));
        }

        void Add(string sql)
        {
            var command = batch.CreateBatchCommand();
            command.CommandText = sql;
            batch.BatchCommands.Add(command);
        }
    }

    // COMMIT has no result of its own: the next one is the position's.
    private static async ValueTask<Position?> PositionBehind(DbDataReader reader, DbBatch batch, ReplicationPositions? positions, bool async)
    {
        try
        {
            var hasNext = async ? await reader.NextResultAsync() : reader.NextResult();
            return hasNext && positions is not null && (async ? await reader.ReadAsync() : reader.Read()) ? positions.Read(reader) : null;
        }
        catch (DbException e) when (positions is not null && ReferenceEquals(e.BatchCommand, batch.BatchCommands[^1]))
        {
            // The commit before it stands.
            return null;
        }
    }

    private static ValueTask Sync(Action action)
    {
        action();
        return ValueTask.CompletedTask;
    }
}
