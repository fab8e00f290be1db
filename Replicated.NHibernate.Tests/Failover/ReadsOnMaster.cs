using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

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

    private async Task Ask(PostgresNode master)
    {
        await using var connection = new NpgsqlConnection(master.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var question = new NpgsqlCommand($"select count(*) from pg_stat_activity where state = 'active' and query = '{Visit.Work}'", connection);
        using var timer = new PeriodicTimer(Pace);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
            {
                Most = Math.Max(Most, (long)(await question.ExecuteScalarAsync())!);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
