using MySqlConnector;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Load;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>Asks the replicas themselves, all the time and beside the library. What it knows may be a little late, so what it says has been applied has been.</summary>
internal sealed class MariaDbReplayWatch : IReplayWatch
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _watching;
    private ulong _furthest;

    private MariaDbReplayWatch(IEnumerable<MariaDbNode> slaves) => _watching = Task.WhenAll(slaves.Select(Watch));

    public static MariaDbReplayWatch Start(IEnumerable<MariaDbNode> slaves) => new(slaves);

    public bool HasPassed(ConsistencyToken token) => token.Position is { Logs: 1 } position && Volatile.Read(ref _furthest) >= position.Offset;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        _end.Dispose();
    }

    private async Task Watch(MariaDbNode slave)
    {
        await using var connection = new MySqlConnection(slave.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new MySqlCommand("select @@global.gtid_slave_pos", connection);
        try
        {
            while (true)
            {
                var applied = GtidText.MariaDb((string?)await command.ExecuteScalarAsync())?.OffsetIn(0) ?? 0;
                for (var known = Volatile.Read(ref _furthest); applied > known && Interlocked.CompareExchange(ref _furthest, applied, known) != known; known = Volatile.Read(ref _furthest))
                {
                }

                await Task.Delay(Pace, _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
