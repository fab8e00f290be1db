using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// A connection for Dapper or plain ADO.NET that works where the scope's session works: on the same node, in the same transaction.
/// Opening and closing it costs nothing: the scope opens with the first statement and closes at its end. Not thread-safe.
/// </summary>
internal sealed class RoutedConnection(RoleConnection role) : DbConnection
{
    private ConnectionState _state = ConnectionState.Closed;

    public RoleConnection Role { get; } = role;

    [AllowNull]
    public override string ConnectionString
    {
        get => "";
        set => throw new NotSupportedException("A routed connection has no connection string of its own: the route says which server it uses.");
    }

    public override string Database => Role.Current?.Database ?? "";

    public override string DataSource => Role.Current?.DataSource ?? "";

    public override string ServerVersion => Role.Current?.ServerVersion ?? throw new InvalidOperationException("No statement has run yet.");

    public override ConnectionState State => _state;

    public override void Open() => Open(async: false, CancellationToken.None).GetAwaiter().GetResult();

    public override Task OpenAsync(CancellationToken cancellationToken) => Open(async: true, cancellationToken);

    public override void Close() => _state = ConnectionState.Closed;

    public override void ChangeDatabase(string databaseName) =>
        throw new NotSupportedException("A routed connection shares its server's connection with the scope's session and cannot change the database.");

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel)
    {
        Role.Begin(isolationLevel, IsolationLevel.Unspecified);
        return new RoutedTransaction(this);
    }

    protected override DbCommand CreateDbCommand() =>
        new RoutedCommand(this, Role.Scope.Services.Pool.Provider.Create("").CreateCommand());

    protected override void Dispose(bool disposing)
    {
        _state = ConnectionState.Closed;
        base.Dispose(disposing);
    }

    private async Task Open(bool async, CancellationToken cancellationToken)
    {
        Role.Starts();
        try
        {
            await Role.Connect(async, cancellationToken);
            _state = ConnectionState.Open;
        }
        finally
        {
            Role.Stops();
        }
    }
}

/// <summary>The scope's transaction, as ADO.NET wants to see it. Ending it ends it for the whole scope's role.</summary>
internal sealed class RoutedTransaction(RoutedConnection connection) : DbTransaction
{
    private bool _ended;

    public override IsolationLevel IsolationLevel => connection.Role.Level;

    protected override DbConnection? DbConnection => _ended ? null : connection;

    public override void Commit() => Commit(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override Task CommitAsync(CancellationToken cancellationToken = default) => Commit(async: true, cancellationToken).AsTask();

    public override void Rollback() => Rollback(async: false).AsTask().GetAwaiter().GetResult();

    public override Task RollbackAsync(CancellationToken cancellationToken = default) => Rollback(async: true).AsTask();

    public override async ValueTask DisposeAsync()
    {
        await Rollback(async: true, isForgotten: true);
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Rollback(async: false, isForgotten: true).AsTask().GetAwaiter().GetResult();
        }

        base.Dispose(disposing);
    }

    private async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _ended = true;
        await connection.Role.CommitByApplication(async, cancellationToken);
    }

    private async ValueTask Rollback(bool async, bool isForgotten = false)
    {
        if (!_ended)
        {
            _ended = true;
            await connection.Role.RollbackByApplication(async, isForgotten);
        }
    }
}
