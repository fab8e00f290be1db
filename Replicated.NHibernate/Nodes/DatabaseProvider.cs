using System.Data;
using System.Data.Common;
using System.Reflection;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Nodes;

/// <summary>How to reach a database: all that the library knows of an ADO.NET provider. Thread-safe.</summary>
internal sealed class DatabaseProvider
{
    private readonly Func<string, DbConnection> _create;
    private readonly Func<IsolationLevel, DbConnection, DbTransaction> _begin;
    private readonly MethodInfo? _clearPool;
    private volatile DatabaseDialect _dialect;
    private volatile bool _isConfirmed;

    /// <param name="create">Gives a connection for a connection string.</param>
    /// <param name="begin">Begins a transaction, where the provider's own way is not the one.</param>
    /// <param name="expected">What the configuration says of the database beside the provider.</param>
    public DatabaseProvider(
        Func<string, DbConnection> create, Func<IsolationLevel, DbConnection, DbTransaction>? begin = null, DatabaseDialect? expected = null)
    {
        _create = create;
        _begin = begin ?? ((level, connection) => connection.BeginTransaction(level));
        using var probe = create("");
        ConnectionType = probe.GetType().FullName ?? probe.GetType().Name;
        CanBatch = probe.CanCreateBatch;
        // ADO.NET has no name for it, and the providers of all databases here have this one; where a driver is wrapped, connections that are lost are found out one by one.
        _clearPool = probe.GetType().GetMethod("ClearPool", BindingFlags.Public | BindingFlags.Static, [probe.GetType()]);
        _dialect = DialectGuess.From(create, ConnectionType, expected);
        _isConfirmed = _dialect.SwitchesByConnectionString;
    }

    /// <summary>The provider's class of connections, for messages only.</summary>
    public string ConnectionType { get; }

    /// <summary>Guessed, until a server has said what it is.</summary>
    public DatabaseDialect Dialect => _dialect;

    public bool IsConfirmed => _isConfirmed;

    public bool CanBatch { get; }

    public IsolationLevel SnapshotLevel => _dialect.SnapshotLevel;

    public DbConnection Create(string connectionString) => _create(connectionString);

    public DbCommand CreateCommand()
    {
        using var unconnected = _create("");
        return unconnected.CreateCommand();
    }

    public DbBatch CreateBatch()
    {
        using var unconnected = _create("");
        return unconnected.CreateBatch();
    }

    /// <summary>Creates and opens; what cannot be opened is disposed.</summary>
    public async ValueTask<DbConnection> Open(string connectionString, bool async, CancellationToken cancellationToken)
    {
        var connection = _create(connectionString);
        try
        {
            if (async)
            {
                await connection.OpenAsync(cancellationToken);
            }
            else
            {
                connection.Open();
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Has the provider close the connections that wait in a pool, and those in use when they come back.</summary>
    public void ClearPool(string connectionString)
    {
        using var unconnected = _create(connectionString);
        _clearPool?.Invoke(obj: null, [unconnected]);
    }

    /// <summary>Asks the server of an open connection what it is. A server that does not know the question is what it was taken for.</summary>
    public async ValueTask Confirm(DbConnection connection, bool async, CancellationToken cancellationToken)
    {
        string? version = null;
        try
        {
            using var command = connection.CreateCommand();
            command.CommandText = DialectGuess.Question;
            version = (async ? await command.ExecuteScalarAsync(cancellationToken) : command.ExecuteScalar()) as string;
        }
        catch (Exception) when (connection.State == ConnectionState.Open && !cancellationToken.IsCancellationRequested)
        {
        }

        _dialect = _dialect.Confirmed(version);
        _isConfirmed = true;
    }

    /// <summary>Makes the session of an open connection read-only by a statement, where its connection string has not done so and the database has one.</summary>
    public async ValueTask MakeReadOnly(DbConnection connection, bool async, CancellationToken cancellationToken)
    {
        if (!_isConfirmed)
        {
            await Confirm(connection, async, cancellationToken);
        }

        if (_dialect is { SwitchesByConnectionString: false, MakeReadOnly: { } makeReadOnly })
        {
            using var command = connection.CreateCommand();
            command.CommandText = makeReadOnly;
            _ = async ? await command.ExecuteNonQueryAsync(cancellationToken) : command.ExecuteNonQuery();
        }
    }

    /// <param name="connection">The open connection.</param>
    /// <param name="level">At which level.</param>
    /// <param name="onlyReads">Whether it is expected to do nothing but read.</param>
    /// <param name="isReadOnly">Whether the database is to refuse writes in it, because the session does not.</param>
    public DbTransaction Begin(DbConnection connection, IsolationLevel level, bool onlyReads = false, bool isReadOnly = false)
    {
        var transaction = _begin(_dialect.LevelToBegin(level, onlyReads), connection);
        if (isReadOnly && _dialect.MakeTransactionReadOnly is { } makeReadOnly)
        {
            using var command = connection.CreateCommand();
            (command.CommandText, command.Transaction) = (makeReadOnly, transaction);
            command.ExecuteNonQuery();
        }

        return transaction;
    }

    public static DatabaseProvider From(DbProviderFactory factory) => new(connectionString =>
    {
        var connection = factory.CreateConnection()
            ?? throw new InvalidOperationException($"{factory.GetType()} creates no connections.");
        connection.ConnectionString = connectionString;
        return connection;
    });
}
