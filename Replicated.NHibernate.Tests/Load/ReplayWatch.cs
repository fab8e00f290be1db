using NpgsqlTypes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>What the slaves themselves say of how far they are.</summary>
internal interface IReplayWatch : IAsyncDisposable
{
    /// <summary>Whether some slave was past the token when it was last asked.</summary>
    bool HasPassed(ConsistencyToken token);
}

/// <summary>
/// Asks the slaves themselves, all the time and beside the library, how far they have replayed. What it knows may be a little late,
/// so what it says has been replayed has been.
/// </summary>
internal sealed class ReplayWatch : IReplayWatch
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _watching;
    private ulong _furthest;

    private ReplayWatch(IEnumerable<PostgresNode> slaves) => _watching = Task.WhenAll(slaves.Select(Watch));

    public static ReplayWatch Start(IEnumerable<PostgresNode> slaves) => new(slaves);

    public bool HasPassed(ConsistencyToken token) => token.Position is { } position && Volatile.Read(ref _furthest) >= position.Offset;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        _end.Dispose();
    }

    private Task Watch(PostgresNode slave) => Repeated.Ask<NpgsqlLogSequenceNumber>(
        slave, "select pg_last_wal_replay_lsn()", Pace, replayed => Note((ulong)replayed), _end.Token);

    private void Note(ulong replayed)
    {
        var known = Volatile.Read(ref _furthest);
        while (replayed > known && Interlocked.CompareExchange(ref _furthest, replayed, known) is var seen && seen != known)
        {
            known = seen;
        }
    }
}
