using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// The one connection of a role of a scope: its sessions, Dapper and plain ADO.NET all work on it, on the same node and in the same transaction. Opening and
/// closing it costs nothing: the first statement connects, and the scope's end disconnects. Not thread-safe.
/// </summary>
internal sealed class RoutedConnection(ConnectionTarget target) : DbConnection
{
    // A session's connection is open from the start, as far as its users can see.
    private ConnectionState _state = ConnectionState.Open;

    public ConnectionTarget Target { get; } = target;

    [AllowNull]
    public override string ConnectionString
    {
        get => Target.ConnectionString;
        set => throw new NotSupportedException("A routed connection has no connection string of its own: the route says which server it uses.");
    }

    public override string Database => Target.Current?.Database ?? "";

    public override string DataSource => Target.Current?.DataSource ?? "";

    public override string ServerVersion => Connected().ServerVersion;

    public override ConnectionState State => _state;

    public override bool CanCreateBatch => Target.CanCreateBatch;

    public override void Open() => Open(async: false, CancellationToken.None).GetAwaiter().GetResult();

    public override Task OpenAsync(CancellationToken cancellationToken) => Open(async: true, cancellationToken);

    public override void Close() => _state = ConnectionState.Closed;

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException(
        "A routed connection shares its server's connection with the scope's session and cannot change the database. Open a connection of your own to the other database.");

    public override void EnlistTransaction(System.Transactions.Transaction? transaction) => Target.Enlist(transaction);

    public override DataTable GetSchema() => Connected().GetSchema();

    public override DataTable GetSchema(string collectionName) => Connected().GetSchema(collectionName);

    public override DataTable GetSchema(string collectionName, string?[] restrictionValues) => Connected().GetSchema(collectionName, restrictionValues);

    /// <summary>The provider's own connection, in the scope's transaction; what runs on it passes no guard and may write.</summary>
    public async ValueTask<DbConnection> Provider(bool async, CancellationToken cancellationToken)
    {
        Target.BeginOperation();
        try
        {
            var connection = await Target.Connect(async, cancellationToken);
            Target.IsLent = true;
            if (Target.Refusal is null)
            {
                Target.NoteWrite();
            }

            Target.Enlist();
            // What has run on it by then nobody here knows.
            Target.NoteRun();
            return connection;
        }
        finally
        {
            Target.EndOperation();
        }
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel)
    {
        Target.Begin(isolationLevel);
        return new RoutedTransaction(this, Target);
    }

    protected override DbCommand CreateDbCommand() => new RoutedCommand(Target.CreateProviderCommand()) { Connection = this };

    protected override DbBatch CreateDbBatch() => new RoutedBatch(Target.CreateProviderBatch()) { Connection = this };

    protected override void Dispose(bool disposing)
    {
        _state = ConnectionState.Closed;
        base.Dispose(disposing);
    }

    private DbConnection Connected()
    {
        Open();
        return Target.Current!;
    }

    private async Task Open(bool async, CancellationToken cancellationToken)
    {
        Target.BeginOperation();
        try
        {
            await Target.Connect(async, cancellationToken);
            _state = ConnectionState.Open;
        }
        finally
        {
            Target.EndOperation();
        }
    }
}
