using System.Data.Common;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// COMMIT. PostgreSQL turns it into ROLLBACK, and reports success, after a statement that failed; a statement before it in the same
/// batch, the same round trip, fails instead, and tells whether the transaction wrote.
/// </summary>
internal static class CommitStatement
{
    /// <returns>Whether the transaction wrote, where the database tells.</returns>
    public static async ValueTask<bool> Run(DbConnection connection, DbTransaction transaction, DatabaseProvider provider, bool async)
    {
        if (provider is not { IsNpgsql: true, CanBatch: true })
        {
            // Never cancelled: a client that went away does not decide over what was done for it.
            await (async ? transaction.CommitAsync(CancellationToken.None) : Sync(transaction));
            return false;
        }

        using var batch = connection.CreateBatch();
        batch.Transaction = transaction;
        Add("select txid_current_if_assigned() is not null");
        Add("commit");
        if (async)
        {
            await using var reader = await batch.ExecuteReaderAsync(CancellationToken.None);
            var wrote = await reader.ReadAsync() && reader.GetBoolean(0);
            while (await reader.NextResultAsync())
            {
            }

            return wrote;
        }
        else
        {
            using var reader = batch.ExecuteReader();
            var wrote = reader.Read() && reader.GetBoolean(0);
            while (reader.NextResult())
            {
            }

            return wrote;
        }

        void Add(string sql)
        {
            var command = batch.CreateBatchCommand();
            command.CommandText = sql;
            batch.BatchCommands.Add(command);
        }
    }

    private static Task Sync(DbTransaction transaction)
    {
        transaction.Commit();
        return Task.CompletedTask;
    }
}
