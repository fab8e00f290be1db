using System.Data;
using System.Data.Common;
using NHibernate.AdoNet;
using NHibernate.Engine;
using NHibernate.SqlCommand;
using NHibernate.SqlTypes;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Every statement that NHibernate sends passes here, those of stateless sessions too: refuses writes where there must be none, and
/// remembers a statement that failed, so that its transaction is not committed.
/// </summary>
internal sealed class ReplicatedBatcher(IBatcher inner, SessionUnit? unit, DatabaseRole? role) : IBatcher
{
    public SessionUnit? Unit => unit;

    public bool HasOpenResources => inner.HasOpenResources;

    public int BatchSize { get => inner.BatchSize; set => inner.BatchSize = value; }

    public static ReplicatedBatcher? Of(ISessionImplementor session) => session.ConnectionManager.Batcher as ReplicatedBatcher;

    /// <summary>Throws where a write must not happen now.</summary>
    public void Refuse(string what)
    {
        switch (unit is null ? (role == DatabaseRole.Slave ? WriteRefusal.Slave : null) : unit.Role.Refusal)
        {
            case WriteRefusal.Slave:
                throw SlaveWriteException.Of(what, unit?.Role);
            case WriteRefusal.AfterCompletion:
                throw WriteAfterCompletionException.Of(what, unit!.Role.Scope.Work);
        }
    }

    public bool Refuses => unit is null ? role == DatabaseRole.Slave : unit.Role.Refusal is not null;

    public DbCommand PrepareQueryCommand(CommandType commandType, SqlString sql, SqlType[] parameterTypes) =>
        inner.PrepareQueryCommand(commandType, sql, parameterTypes);

    public DbCommand PrepareCommand(CommandType commandType, SqlString sql, SqlType[] parameterTypes)
    {
        try
        {
            return inner.PrepareCommand(commandType, sql, parameterTypes);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public async Task<DbCommand> PrepareCommandAsync(CommandType commandType, SqlString sql, SqlType[] parameterTypes, CancellationToken cancellationToken)
    {
        try
        {
            return await inner.PrepareCommandAsync(commandType, sql, parameterTypes, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public DbCommand PrepareBatchCommand(CommandType commandType, SqlString sql, SqlType[] parameterTypes)
    {
        WriteStarts(sql);
        try
        {
            return inner.PrepareBatchCommand(commandType, sql, parameterTypes);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public async Task<DbCommand> PrepareBatchCommandAsync(CommandType commandType, SqlString sql, SqlType[] parameterTypes, CancellationToken cancellationToken)
    {
        WriteStarts(sql);
        try
        {
            return await inner.PrepareBatchCommandAsync(commandType, sql, parameterTypes, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public void AddToBatch(IExpectation expectation)
    {
        try
        {
            inner.AddToBatch(expectation);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public async Task AddToBatchAsync(IExpectation expectation, CancellationToken cancellationToken)
    {
        try
        {
            await inner.AddToBatchAsync(expectation, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public void ExecuteBatch()
    {
        try
        {
            inner.ExecuteBatch();
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public async Task ExecuteBatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            await inner.ExecuteBatchAsync(cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public int ExecuteNonQuery(DbCommand cmd)
    {
        WriteStarts(cmd);
        try
        {
            return inner.ExecuteNonQuery(cmd);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public async Task<int> ExecuteNonQueryAsync(DbCommand cmd, CancellationToken cancellationToken)
    {
        WriteStarts(cmd);
        try
        {
            return await inner.ExecuteNonQueryAsync(cmd, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public DbDataReader ExecuteReader(DbCommand cmd)
    {
        QueryStarts(cmd);
        try
        {
            return inner.ExecuteReader(cmd);
        }
        catch (Exception e) when (Noted(e))
        {
            throw Translated(e, cmd);
        }
    }

    public async Task<DbDataReader> ExecuteReaderAsync(DbCommand cmd, CancellationToken cancellationToken)
    {
        QueryStarts(cmd);
        try
        {
            return await inner.ExecuteReaderAsync(cmd, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw Translated(e, cmd);
        }
    }

    public void CloseCommand(DbCommand cmd, DbDataReader reader)
    {
        try
        {
            ReadToTheEnd(cmd, reader);
        }
        finally
        {
            inner.CloseCommand(cmd, reader);
        }
    }

    public void CloseReader(DbDataReader reader) => inner.CloseReader(reader);

    public void CloseCommands() => inner.CloseCommands();

    public void AbortBatch(Exception e) => inner.AbortBatch(e);

    public void CancelLastQuery() => inner.CancelLastQuery();

    public void Dispose()
    {
        unit?.Closing();
        inner.Dispose();
    }

    private void WriteStarts(SqlString sql)
    {
        if (Refuses)
        {
            Refuse(Statement.KindOf(sql.ToString()));
        }

        unit?.Role.NoteWrite();
    }

    private void WriteStarts(DbCommand command)
    {
        if (Refuses)
        {
            Refuse(Statement.KindOf(command.CommandText));
        }

        unit?.Role.NoteWrite();
    }

    // A query may write too: an insert that returns its id, UPDATE … RETURNING by List().
    private void QueryStarts(DbCommand command)
    {
        if (!Statement.WritingWord(command.CommandText).IsEmpty)
        {
            WriteStarts(command);
        }
    }

    // What the database refuses in a later statement of one text would be swallowed when NHibernate closes the reader.
    private void ReadToTheEnd(DbCommand? command, DbDataReader? reader)
    {
        if (!Refuses || reader is not { IsClosed: false } || command is null || !Statement.HasSeveral(command.CommandText))
        {
            return;
        }

        try
        {
            while (reader.NextResult())
            {
            }
        }
        catch (DbException e) when (e.SqlState == "25006")
        {
            throw Translated(e, command);
        }
    }

    private bool Noted(Exception e)
    {
        unit?.Role.NoteFailure(e);
        return true;
    }

    private Exception Translated(Exception e, DbCommand command) =>
        Refuses && e is DbException { SqlState: "25006" }
            ? SlaveWriteException.Of(Statement.KindOf(command.CommandText), unit?.Role, e)
            : e.Rethrown();
}
