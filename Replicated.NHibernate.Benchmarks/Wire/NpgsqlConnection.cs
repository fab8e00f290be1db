using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Npgsql;

/// <summary>
/// A connection whose server is this process: it answers at once and from memory, so that what remains is the cost of the caller. It has the name of the provider that
/// it stands for, because a library may know its database by that.
/// </summary>
public sealed class NpgsqlConnection : DbConnection
{
    private readonly MemoryReader _reader;
    private readonly MemoryTransaction _transaction;
    private string _connectionString = "";
    private ConnectionState _state;

    public NpgsqlConnection() => (_reader, _transaction) = (new MemoryReader(this), new MemoryTransaction(this));

    public NpgsqlConnection(string connectionString)
        : this() => ConnectionString = connectionString;

    [AllowNull]
    public override string ConnectionString
    {
        get => _connectionString;
        set => _connectionString = value ?? "";
    }

    /// <summary>Whether it stands for a server that follows another.</summary>
    public bool IsSlave => _connectionString.Contains("slave", StringComparison.Ordinal);

    public override string Database => "memory";

    public override string DataSource => "tcp://memory:5432";

    public override string ServerVersion => "15.0";

    public override ConnectionState State => _state;

    public override bool CanCreateBatch => true;

    protected override DbProviderFactory DbProviderFactory => MemoryFactory.Instance;

    internal bool InTransaction { get; set; }

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

    public override void Open() => _state = _state == ConnectionState.Closed ? ConnectionState.Open : throw new InvalidOperationException("Connection already open");

    public override Task OpenAsync(CancellationToken cancellationToken)
    {
        Open();
        return Task.CompletedTask;
    }

    public override void Close() => (_state, InTransaction) = (ConnectionState.Closed, false);

    public override Task CloseAsync()
    {
        Close();
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        Close();
        base.Dispose(disposing);
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel)
    {
        ThrowUnlessOpen();
        InTransaction = !InTransaction ? true : throw new InvalidOperationException("A transaction is already in progress; nested/concurrent transactions aren't supported.");
        return _transaction.Begin(isolationLevel);
    }

    protected override DbCommand CreateDbCommand() => new MemoryCommand { Connection = this };

    protected override DbBatch CreateDbBatch() => new MemoryBatch { Connection = this };

    // The provider gives every command of a connection the same reader object, too.
    internal MemoryReader Run(ReadOnlySpan<Question> questions)
    {
        ThrowUnlessOpen();
        return _reader.Begin(questions);
    }

    private void ThrowUnlessOpen()
    {
        if (_state != ConnectionState.Open)
        {
            throw new InvalidOperationException("Connection is not open");
        }
    }
}

public sealed class MemoryFactory : DbProviderFactory
{
    public static readonly MemoryFactory Instance = new();

    public override bool CanCreateBatch => true;

    public override DbConnection CreateConnection() => new NpgsqlConnection();

    public override DbCommand CreateCommand() => new MemoryCommand();

    public override DbParameter CreateParameter() => new MemoryParameter();

    public override DbBatch CreateBatch() => new MemoryBatch();

    public override DbBatchCommand CreateBatchCommand() => new MemoryBatchCommand();
}
