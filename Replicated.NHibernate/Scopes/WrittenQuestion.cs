using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>Asks the master whether a transaction has written, which words cannot tell: a function may.</summary>
internal static class WrittenQuestion
{
    /// <summary>On another connection, because the transaction's own is still being read from.</summary>
    /// <returns>Null where nobody can tell.</returns>
    public static async ValueTask<bool?> AskBeside(RoleWork work, bool async)
    {
        if (work.Transaction.Physical is null)
        {
            return false;
        }

        var dialect = work.Provider.Dialect;
        if (dialect.BackendQuery is null || work.Lease.Current is not { } connection || BackendId.Of(connection) is not { } backend)
        {
            return null;
        }

        NodeConnection? beside = null;
        var pool = work.Host.Services.Pool;
        try
        {
            beside = await pool.OpenMaster(readOnly: true, async, CancellationToken.None);
            return await Ask(beside.Connection, transaction: null, dialect.BackendHasWrittenQuery(backend), async);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException or TimeoutException)
        {
            // What it wrote is found out with its end.
            return null;
        }
        finally
        {
            if (beside is not null)
            {
                await pool.Close(beside, async);
            }
        }
    }

    /// <summary>On the transaction's own connection, when its rows have been read.</summary>
    public static async ValueTask<bool> Ask(RoleWork work, bool async) =>
        work.Transaction.Physical is { } transaction && work.Provider.Dialect.HasWrittenQuery is { } question
            ? await Ask(work.Lease.Current!, transaction, question, async)
            : work.Writes.HasUncommitted;

    private static async ValueTask<bool> Ask(DbConnection connection, DbTransaction? transaction, string question, bool async)
    {
        using var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (question, transaction);
        return (async ? await command.ExecuteScalarAsync(CancellationToken.None) : command.ExecuteScalar()) is true;
    }
}
