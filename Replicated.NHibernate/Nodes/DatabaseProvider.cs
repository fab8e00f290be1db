using System.Data;
using System.Data.Common;

namespace Replicated.NHibernate.Nodes;

/// <summary>How to reach a database: all that the library knows of an ADO.NET provider. Thread-safe.</summary>
internal sealed class DatabaseProvider
{
    private readonly Func<string, DbConnection> _create;
    private readonly Func<IsolationLevel, DbConnection, DbTransaction> _begin;

    public DatabaseProvider(Func<string, DbConnection> create, Func<IsolationLevel, DbConnection, DbTransaction>? begin = null)
    {
        _create = create;
        _begin = begin ?? ((level, connection) => connection.BeginTransaction(level));
        using var probe = create("");
        ConnectionType = probe.GetType().FullName ?? probe.GetType().Name;
        IsNpgsql = ConnectionType == "Npgsql.NpgsqlConnection";
        CanBatch = probe.CanCreateBatch;
        SnapshotLevel = SnapshotLevelOf(ConnectionType);
    }

    /// <summary>The provider's class of connections, for messages.</summary>
    public string ConnectionType { get; }

    /// <summary>Told by the connection's type, so that no driver needs to be referenced.</summary>
    public bool IsNpgsql { get; }

    public bool CanBatch { get; }

    /// <summary>The level at which all statements see one moment: SQL Server's repeatable read locks instead.</summary>
    public IsolationLevel SnapshotLevel { get; }

    /// <summary>The same by a class of connections; PostgreSQL and MySQL read one moment at repeatable read.</summary>
    public static IsolationLevel SnapshotLevelOf(string connectionType) =>
        connectionType.EndsWith(".SqlClient.SqlConnection", StringComparison.Ordinal) ? IsolationLevel.Snapshot : IsolationLevel.RepeatableRead;

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

    public DbTransaction Begin(DbConnection connection, IsolationLevel level) => _begin(level, connection);

    public static DatabaseProvider From(DbProviderFactory factory) => new(connectionString =>
    {
        var connection = factory.CreateConnection()
            ?? throw new InvalidOperationException($"{factory.GetType()} creates no connections.");
        connection.ConnectionString = connectionString;
        return connection;
    });
}
