using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>
/// COMMIT. PostgreSQL turns it into ROLLBACK, and reports success, after a statement that failed; a statement before it in the same
/// round trip fails instead, and tells whether the transaction wrote. One behind it tells the place in the log.
/// </summary>
internal static class CommitInOneTrip
{
    /// <summary>Whether the transaction that runs has written, by PostgreSQL's own word.</summary>
    public const string HasWritten = "select txid_current_if_assigned() is not null";

    // Answered behind the COMMIT: an answer means that the commit stands.
    private const string Stands = "select 1";

    public static async ValueTask<Committed> Run(DbConnection connection, DbTransaction transaction, ReplicationPositions? positions, bool async)
    {
        using var batch = connection.CanCreateBatch ? connection.CreateBatch() : null;
        using var command = batch is null ? connection.CreateCommand() : null;
        string[] statements = positions is null ? [HasWritten, "commit"] : batch is null ? [HasWritten, "commit", Stands, positions.MasterQuery] : [HasWritten, "commit", positions.MasterQuery];
        DbDataReader reader;
        if (batch is not null)
        {
            batch.Transaction = transaction;
            foreach (var statement in statements)
            {
                var part = batch.CreateBatchCommand();
                part.CommandText = statement;
                batch.BatchCommands.Add(part);
            }

            reader = async ? await batch.ExecuteReaderAsync(CancellationToken.None) : batch.ExecuteReader();
        }
        else
        {
            (command!.Transaction, command.CommandText) = (transaction, string.Join("; ", statements));
            reader = async ? await command.ExecuteReaderAsync(CancellationToken.None) : command.ExecuteReader();
        }

        try
        {
            var wrote = (async ? await reader.ReadAsync() : reader.Read()) && reader.GetBoolean(0);
            return new Committed(wrote, await PositionBehind(reader, batch, positions, async));
        }
        finally
        {
            if (async)
            {
                await reader.DisposeAsync();
            }
            else
            {
                reader.Dispose();
            }
        }
    }

    // COMMIT has no result of its own: the next one is what stands behind it.
    private static async ValueTask<Position?> PositionBehind(DbDataReader reader, DbBatch? batch, ReplicationPositions? positions, bool async)
    {
        var stands = false;
        try
        {
            if (batch is null && positions is not null)
            {
                stands = async ? await reader.NextResultAsync() : reader.NextResult();
            }

            var hasNext = async ? await reader.NextResultAsync() : reader.NextResult();
            return hasNext && positions is not null && (async ? await reader.ReadAsync() : reader.Read()) ? positions.Read(reader) : null;
        }
        catch (DbException e) when (stands || (positions is not null && batch is not null && ReferenceEquals(e.BatchCommand, batch.BatchCommands[^1])))
        {
            // The commit before it stands.
            return null;
        }
    }
}
