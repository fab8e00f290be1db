using NHibernate;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>
/// Eight writers on the master raise the numbers of shelves, and between that look, through the caches, whether they still see what they
/// committed; eight readers on slaves, whose replay stops and goes at random, load the same shelves with every cache mode.
/// </summary>
/// <param name="app">The application.</param>
/// <param name="cluster">Its servers.</param>
/// <param name="plain">The slaves' factory with the rule switched off: plain NHibernate on the master's store. Only a test can make one beside the application.</param>
internal sealed class CacheTorture(ShelfApp app, PostgresCluster cluster, ISessionFactory? plain = null) : IDisposable
{
    private const int Clients = 8;
    private const int Shelves = 8;
    private static readonly CacheMode[] Modes = [CacheMode.Normal, CacheMode.Put, CacheMode.Refresh, CacheMode.Get];

    // By NHibernate's own doing a read on the master that overlaps a write may leave the old value in the cache (BehaviourCacheTests). What slaves do
    // shows only where it does not: one master session at a time on a shelf, and one that writes. The slaves' readers wait for nobody.
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, Shelves).Select(_ => new SemaphoreSlim(1))];
    private readonly SemaphoreSlim _writing = new(1);
    private readonly int[] _committed = new int[Shelves];
    private readonly TortureCounts _counts = new();
    private readonly CancellationTokenSource _end = new();

    /// <summary>Master sessions overlap as they like.</summary>
    public bool TakesNoTurns { get; init; }

    public int Readers { get; init; } = Clients;

    /// <summary>Over as soon as a violation of each kind has been found.</summary>
    public bool EndsWhenFound { get; init; }

    public async Task<TortureCounts> Run(TimeSpan time)
    {
        await Prepare();
        app.Factories.Master.Statistics.Clear();
        app.Factories.Slave.Statistics.Clear();
        _end.CancelAfter(time);
        await Task.WhenAll(
        [
            .. Enumerable.Range(0, Clients).Select(n => Task.Run(() => Write(n))),
            .. Enumerable.Range(0, Readers).Select(n => Task.Run(() => Read(n))),
            .. cluster.Slaves.Select((slave, n) => Task.Run(() => Disturb(slave, n))),
        ]);
        return _counts;
    }

    public void Dispose()
    {
        _end.Dispose();
        _writing.Dispose();
        Array.ForEach(_turns, turn => turn.Dispose());
    }

    private bool IsOver => _end.IsCancellationRequested || (EndsWhenFound && _counts is { ByEntity: > 0, ByQuery: > 0 });

    private async Task Prepare()
    {
        for (var shelf = 0; shelf < Shelves; shelf++)
        {
            var id = shelf;
            await app.On(DatabaseRole.Master, async s =>
            {
                await s.CreateSQLQuery("insert into shelf values (:id, 0) on conflict (id) do update set number = 0").SetInt32("id", id).ExecuteUpdateAsync();
                return true;
            });
            await app.On(DatabaseRole.Master, s => (s.Number(id), s.NumberQuery(id).List()));
        }

        await cluster.WaitForSlavesAsync();
    }

    private async Task Write(int writer)
    {
        var random = new Random(writer);
        var own = new int[Shelves];
        while (!IsOver)
        {
            var shelf = random.Next(Shelves);
            await TakeTurn(_turns[shelf]);
            try
            {
                switch (random.Next(20))
                {
                    case < 3:
                        own[shelf] = await Committed(shelf, async s => ++(await s.GetAsync<Shelf>(shelf, LockMode.Upgrade)).Number);
                        break;
                    case 3:
                        own[shelf] = await Committed(shelf, s => RaiseByStatement(s, shelf));
                        break;
                    case 4:
                        await RollBack(shelf);
                        break;
                    case 5:
                        app.Factories.Of(random.Next(2) == 0 ? DatabaseRole.Master : DatabaseRole.Slave).EvictWithoutSession(typeof(Shelf), shelf);
                        break;
                    default:
                        var byQuery = random.Next(2) == 0;
                        _counts.NoteCheck(byQuery, await app.On(DatabaseRole.Master, s => Seen(s, shelf, byQuery, random.Next(8) > 0)), own[shelf], writer, shelf);
                        break;
                }
            }
            finally
            {
                EndTurn(_turns[shelf]);
            }
        }
    }

    private async Task<int> Committed(int shelf, Func<ISession, Task<int>> raise)
    {
        await TakeTurn(_writing);
        try
        {
            var number = await app.On(DatabaseRole.Master, raise);
            _counts.NoteWrite();
            InterlockedMax(ref _committed[shelf], number);
            return number;
        }
        finally
        {
            EndTurn(_writing);
        }
    }

    // Which evicts the whole region after its commit.
    private static async Task<int> RaiseByStatement(ISession session, int shelf)
    {
        await session.CreateQuery("update Shelf set Number = Number + 1 where Id = :id").SetInt32("id", shelf).ExecuteUpdateAsync();
        return (int)await session.CreateSQLQuery("select number from shelf where id = :id").SetInt32("id", shelf).UniqueResultAsync();
    }

    private async Task RollBack(int shelf)
    {
        await TakeTurn(_writing);
        try
        {
            await app.On(DatabaseRole.Master, async Task<bool> (s) =>
            {
                (await s.GetAsync<Shelf>(shelf, LockMode.Upgrade)).Number = -1;
                await s.FlushAsync();
                throw new OperationCanceledException("on purpose");
            });
        }
        catch (OperationCanceledException)
        {
            // Nothing of it may be seen.
        }
        finally
        {
            EndTurn(_writing);
        }
    }

    private async Task Read(int reader)
    {
        var random = new Random(100 + reader);
        while (!IsOver)
        {
            var (shelf, byQuery, async, mode) = (random.Next(Shelves), random.Next(2) == 0, random.Next(8) > 0, Modes[random.Next(Modes.Length)]);
            var committed = Volatile.Read(ref _committed[shelf]);
            int seen;
            if (plain is null && random.Next(2) == 0)
            {
                seen = await app.On(DatabaseRole.Slave, s => Seen(s, shelf, byQuery, async));
            }
            else
            {
                using var session = (plain ?? app.Factories.Slave).OpenSession();
                session.CacheMode = mode;
                seen = await Seen(session, shelf, byQuery, async);
            }

            _counts.NoteSlaveRead(seen < committed);
            // Or they leave nothing of the machine to the writers.
            await Task.Delay(random.Next(5));
        }
    }

    private static async Task<int> Seen(ISession session, int shelf, bool byQuery, bool async) => (byQuery, async) switch
    {
        (true, true) => (int)await session.NumberQuery(shelf).UniqueResultAsync(),
        (true, false) => (int)session.NumberQuery(shelf).UniqueResult(),
        (false, true) => (await session.GetAsync<Shelf>(shelf)).Number,
        _ => session.Number(shelf),
    };

    private async Task Disturb(PostgresNode slave, int number)
    {
        var random = new Random(200 + number);
        while (!IsOver)
        {
            await slave.PauseReplayAsync();
            await Task.Delay(random.Next(150));
            await slave.ResumeReplayAsync();
            await Task.Delay(random.Next(100));
        }
    }

    private async Task TakeTurn(SemaphoreSlim turn)
    {
        if (!TakesNoTurns)
        {
            await turn.WaitAsync();
        }
    }

    private void EndTurn(SemaphoreSlim turn)
    {
        if (!TakesNoTurns)
        {
            turn.Release();
        }
    }

    private static void InterlockedMax(ref int highest, int number)
    {
        var known = Volatile.Read(ref highest);
        while (number > known && Interlocked.CompareExchange(ref highest, number, known) is var seen && seen != known)
        {
            known = seen;
        }
    }
}
