using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Places that a test sets, and who was asked for them.</summary>
internal sealed class FakePositions : ReplicationPositions
{
    /// <summary>How far each server is, by its name: log 1 where nothing else is said.</summary>
    public ConcurrentDictionary<string, Func<CancellationToken, Task<Position?>>> Servers { get; } = new();

    /// <summary>The servers that follow another one; a name that is not here follows unless it is the master's.</summary>
    public ConcurrentDictionary<string, bool> Follows { get; } = new();

    /// <summary>By a server's own word, how old the last thing is that it shows.</summary>
    public ConcurrentDictionary<string, TimeSpan> Ages { get; } = new();

    /// <summary>Server and question, in order.</summary>
    public ConcurrentQueue<string> Questions { get; } = new();

    /// <summary>What a connection answers that is tried out before its server is used again.</summary>
    public Func<Task<object?>> Trial { get; set; } = () => Task.FromResult<object?>(null);

    /// <summary>Called with each question.</summary>
    public Action Asked { get; set; } = () => { };

    public override string MasterQuery => "master";

    public override string StatusQuery => "status";

    public override string WaitQuery(Position wanted, TimeSpan atMost) => $"wait for {wanted.Offset}, {atMost.TotalMilliseconds} ms";

    public override Position? Read(DbDataReader row) => row.IsDBNull(0) ? null : (Position)row.GetValue(0);

    public override ReplicationStatus ReadStatus(DbDataReader row) => new(row.GetBoolean(1), Read(row), row.IsDBNull(2) ? null : (TimeSpan)row.GetValue(2));

    public override bool IsReached(Position wanted, Position replayed) => replayed.Log == wanted.Log && replayed.Offset >= wanted.Offset;

    public void Are(params (string Server, ulong Offset)[] places)
    {
        foreach (var (server, offset) in places)
        {
            Servers[server] = _ => Task.FromResult<Position?>(new Position(1, offset));
        }
    }

    public void Fails(string server) => Servers[server] = _ => throw new TimeoutException(server);
}

/// <summary>One question to one server.</summary>
internal sealed class FakeQuestion(string server, FakePositions positions) : DbCommand
{
    [AllowNull]
    public override string CommandText { get; set; } = "";

    public override int CommandTimeout { get; set; }

    public override CommandType CommandType { get; set; }

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection { get; set; }

    protected override DbParameterCollection DbParameterCollection => throw new NotSupportedException();

    protected override DbTransaction? DbTransaction { get; set; }

    public override void Cancel()
    {
    }

    public override void Prepare()
    {
    }

    public override int ExecuteNonQuery() => throw new NotSupportedException();

    public override object? ExecuteScalar() => throw new NotSupportedException();

    // Only whether the connection works: no question of its own.
    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) => positions.Trial();

    protected override DbParameter CreateDbParameter() => throw new NotSupportedException();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => ExecuteDbDataReaderAsync(behavior, CancellationToken.None).GetAwaiter().GetResult();

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken)
    {
        positions.Questions.Enqueue($"{server}: {CommandText}");
        positions.Asked();
        var table = new DataTable();
        table.Columns.Add("place", typeof(object));
        table.Columns.Add("follows", typeof(bool));
        table.Columns.Add("age", typeof(object));
        table.Rows.Add(
            positions.Servers.TryGetValue(server, out var place) ? await place(cancellationToken) : null,
            positions.Follows.TryGetValue(server, out var follows) ? follows : server != "master",
            positions.Ages.TryGetValue(server, out var age) ? age : null);
        return table.CreateDataReader();
    }
}
