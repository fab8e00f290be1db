using System.Data;
using System.Data.Common;
using NHibernate;
using NHibernate.AdoNet;
using NHibernate.Driver;
using NHibernate.Engine;
using NHibernate.SqlCommand;
using NHibernate.SqlTypes;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Every statement that NHibernate sends passes here, those of stateless sessions too: refuses writes where there must be none, and
/// remembers a statement that failed, so that its transaction is not committed.
/// </summary>
internal sealed partial class ReplicatedBatcher(IBatcher inner, ConnectionManager connectionManager, SessionUnit? unit) : IBatcher
{
    private readonly UnroutedSession? _unrouted = unit is null ? new UnroutedSession(connectionManager.Session.SessionId) : null;
    private IBatcher _inner = inner;

    public SessionUnit? Unit => unit;

    public bool HasOpenResources => _inner.HasOpenResources;

    public int BatchSize { get => _inner.BatchSize; set => _inner.BatchSize = value; }

    private ReplicatedConnectionProvider Provider => (ReplicatedConnectionProvider)connectionManager.Factory.ConnectionProvider;

    public static ReplicatedBatcher? Of(ISessionImplementor session) => session.ConnectionManager.Batcher as ReplicatedBatcher;

    /// <summary>An operation begins, of the session or of one that shares the connection, which has an id of its own.</summary>
    public void Operates(Guid sessionId)
    {
        unit?.Operates(sessionId);
        _unrouted?.Know(sessionId);
    }

    /// <summary>Throws away what waits for a flush. Which of the batchers it is does not matter: none has a way to be told.</summary>
    public void StartAnew()
    {
        if (_inner.HasOpenResources)
        {
            var batchSize = _inner.BatchSize;
            _inner.Dispose();
            _inner = Provider.Batchers.CreateBatcher(connectionManager, connectionManager.Session.Interceptor);
            if (_inner.BatchSize != batchSize)
            {
                _inner.BatchSize = batchSize;
            }
        }
    }

    public DbCommand PrepareQueryCommand(CommandType commandType, SqlString sql, SqlType[] parameterTypes) =>
        _inner.PrepareQueryCommand(commandType, sql, parameterTypes);

    public DbCommand PrepareCommand(CommandType commandType, SqlString sql, SqlType[] parameterTypes)
    {
        try
        {
            return _inner.PrepareCommand(commandType, sql, parameterTypes);
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
            return await _inner.PrepareCommandAsync(commandType, sql, parameterTypes, cancellationToken);
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
            return _inner.PrepareBatchCommand(commandType, sql, parameterTypes);
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
            return await _inner.PrepareBatchCommandAsync(commandType, sql, parameterTypes, cancellationToken);
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
            _inner.AddToBatch(expectation);
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
            await _inner.AddToBatchAsync(expectation, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
    }

    public void ExecuteBatch()
    {
        var counts = Counts();
        try
        {
            _inner.ExecuteBatch();
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
        finally
        {
            if (counts)
            {
                unit!.Role.Stops();
            }
        }
    }

    public async Task ExecuteBatchAsync(CancellationToken cancellationToken)
    {
        var counts = Counts();
        try
        {
            await _inner.ExecuteBatchAsync(cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
        finally
        {
            if (counts)
            {
                unit!.Role.Stops();
            }
        }
    }

    public int ExecuteNonQuery(DbCommand cmd)
    {
        WriteStarts(cmd);
        unit?.Role.Starts();
        try
        {
            return _inner.ExecuteNonQuery(cmd);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
        finally
        {
            unit?.Role.Stops();
        }
    }

    public async Task<int> ExecuteNonQueryAsync(DbCommand cmd, CancellationToken cancellationToken)
    {
        WriteStarts(cmd);
        unit?.Role.Starts();
        try
        {
            return await _inner.ExecuteNonQueryAsync(cmd, cancellationToken);
        }
        catch (Exception e) when (Noted(e))
        {
            throw;
        }
        finally
        {
            unit?.Role.Stops();
        }
    }

    public DbDataReader ExecuteReader(DbCommand cmd)
    {
        QueryStarts(cmd);
        unit?.Role.Starts();
        try
        {
            return Reading(_inner.ExecuteReader(cmd));
        }
        catch (Exception e) when (Noted(e))
        {
            throw Translated(e, cmd);
        }
        finally
        {
            unit?.Role.Stops();
        }
    }

    public async Task<DbDataReader> ExecuteReaderAsync(DbCommand cmd, CancellationToken cancellationToken)
    {
        QueryStarts(cmd);
        unit?.Role.Starts();
        try
        {
            return Reading(await _inner.ExecuteReaderAsync(cmd, cancellationToken));
        }
        catch (Exception e) when (Noted(e))
        {
            throw Translated(e, cmd);
        }
        finally
        {
            unit?.Role.Stops();
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
            _inner.CloseCommand(cmd, Own(reader));
        }
    }

    public void CloseReader(DbDataReader reader) => _inner.CloseReader(Own(reader));

    public void CloseCommands() => _inner.CloseCommands();

    public void AbortBatch(Exception e) => _inner.AbortBatch(e);

    public void CancelLastQuery() => _inner.CancelLastQuery();

    public void Dispose()
    {
        unit?.Closing();
        _unrouted?.Dispose();
        _inner.Dispose();
    }
}
