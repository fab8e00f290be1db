using System.Data.Common;
using System.Net;
using Npgsql;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>One request of the load: what its client saw, and what its endpoint knew of the server before anything could fail on it.</summary>
internal sealed class Visit(int number, bool isWrite)
{
    // The server's own word in one number: Postgres' process ids have seven digits at most.
    private const long Pids = 10_000_000;
    private const string Who = "select cast(current_setting('port') as bigint) * 10000000 + pg_backend_pid()";

    /// <summary>Long enough that what happens to a server happens in the middle of requests.</summary>
    public const string Work = "select count(*) from pg_sleep(0.05)";

    private const string WhoWorks = Who + " from pg_sleep(0.05)";

    public int Number { get; } = number;

    public bool IsWrite { get; } = isWrite;

    /// <summary>Of the post that a write adds.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    public TimeSpan Began { get; } = Moment.Now;

    public TimeSpan Ended { get; private set; }

    /// <summary>Null where the client got no answer.</summary>
    public HttpStatusCode? Status { get; private set; }

    public bool HasRetryAfter { get; private set; }

    /// <summary>The name of the server that was opened, and why that one; null where none could be.</summary>
    public string? Node { get; private set; }

    public RouteReason? Reason { get; private set; }

    /// <summary>The process that served it, known from the opening on.</summary>
    public int? Pid { get; private set; }

    /// <summary>The server's own port: by the address that was opened, then by the word of the server.</summary>
    public int? Port { get; private set; }

    public int Statements { get; private set; }

    /// <summary>From when on the endpoint had a connection, and until when it needed it.</summary>
    public TimeSpan Opened { get; private set; }

    public TimeSpan Left { get; private set; }

    public Exception? Thrown { get; set; }

    public bool IsOk => Status is HttpStatusCode.OK or HttpStatusCode.Created;

    public bool IsRefused => Status == HttpStatusCode.ServiceUnavailable;

    /// <summary>Whether a read is one statement, of which either everything is read or nothing.</summary>
    public bool IsOneStatement { get; init; }

    /// <summary>What an endpoint waits for between its statements.</summary>
    public Task Held { get; init; } = Task.CompletedTask;

    public TaskCompletionSource HasBegun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task Run(IBoard board, DbConnection connection, IReplicatedSessions sessions)
    {
        await connection.OpenAsync();
        Opened = Moment.Now;
        var opened = (NpgsqlConnection)((RoutedConnection)connection).Target.Current!;
        (Pid, Port) = (opened.ProcessID, opened.Port);
        (Node, Reason) = (sessions.CurrentRoute!.Node, sessions.CurrentRoute.Reason);
        try
        {
            var isAll = IsOneStatement && !IsWrite;
            var who = await board.ScalarAsync(isAll ? WhoWorks : Who);
            (Port, Pid, Statements) = ((int)(who / Pids), (int)(who % Pids), 1);
            if (isAll)
            {
                return;
            }

            HasBegun.TrySetResult();
            await Held;
            await (IsWrite ? board.AddAsync(Id, "load") : board.ScalarAsync(Work));
            Statements = 2;
        }
        finally
        {
            Left = Moment.Now;
        }
    }

    public void End(HttpResponseMessage? answer)
    {
        (Ended, Status) = (Moment.Now, answer?.StatusCode);
        HasRetryAfter = answer?.Headers.Contains("Retry-After") == true;
    }

    public override string ToString() =>
        $"{(IsWrite ? "POST" : "GET")} {Number} {Began.TotalSeconds:F3}–{Ended.TotalSeconds:F3} s: {Status?.ToString() ?? "no answer"} from {Node ?? "no node"} pid {Pid?.ToString() ?? "unknown"} after {Statements} statements ({Reason}) {Thrown?.GetType().Name}: {Thrown?.GetBaseException().Message}";
}

internal static class Moment
{
    public static TimeSpan Now => TimeProvider.System.GetElapsedTime(0);
}
