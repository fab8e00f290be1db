using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Asks the master itself, all the time and beside the library, how many reads of the load run on it.</summary>
internal sealed class ReadsOnMaster : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _watching;

    private ReadsOnMaster(PostgresNode master) => _watching = Ask(master);

    /// <summary>The highest of its answers.</summary>
    public long Most { get; private set; }

    public static ReadsOnMaster Watch(PostgresNode master) => new(master);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        _end.Dispose();
    }

    private Task Ask(PostgresNode master) => Repeated.Ask<long>(
        master,
        $"select count(*) from pg_stat_activity where state = 'active' and query = '{Visit.Work}'",
        Pace,
        answer => Most = Math.Max(Most, answer),
        _end.Token);
}
