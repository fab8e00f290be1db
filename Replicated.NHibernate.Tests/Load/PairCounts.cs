using System.Collections.Concurrent;
using System.Globalization;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>What became of one read after a write.</summary>
/// <param name="IsStale">The client did not see what it had written.</param>
/// <param name="OnMaster">By the server's own word.</param>
/// <param name="SlaveHadIt">A slave had replayed past the token before the read began.</param>
internal readonly record struct PairRead(bool IsStale, bool OnMaster, bool SlaveHadIt);

/// <summary>What became of all of them. Thread-safe.</summary>
internal sealed class PairCounts
{
    private readonly ConcurrentQueue<string> _failures = new();
    private int _writes;
    private int _reads;
    private int _stale;
    private int _onMaster;
    private int _slaveHadIt;
    private int _slaveHadItAndServed;

    public static string Header => "| | writes | reads | stale | on the master | begun when a slave had it | of these on a slave |\n|---|---|---|---|---|---|---|";

    public int Writes => _writes;

    public int Reads => _reads;

    public int Stale => _stale;

    /// <summary>Reads of a client with a token, begun after a slave had replayed past it.</summary>
    public int SlaveHadIt => _slaveHadIt;

    public double ServedBySlave => (double)_slaveHadItAndServed / _slaveHadIt;

    public IReadOnlyCollection<string> Failures => _failures;

    public void NoteWrite() => Interlocked.Increment(ref _writes);

    public void NoteFailure(string what) => _failures.Enqueue(what);

    public void NoteRead(PairRead read)
    {
        Interlocked.Increment(ref _reads);
        Count(ref _stale, read.IsStale);
        Count(ref _onMaster, read.OnMaster);
        Count(ref _slaveHadIt, read.SlaveHadIt);
        Count(ref _slaveHadItAndServed, read.SlaveHadIt && !read.OnMaster);
    }

    public string Row(string name) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {name} | {_writes:N0} | {_reads:N0} | {_stale:N0} | {(double)_onMaster / _reads:P1} | {(_slaveHadIt == 0 ? "–" : $"{_slaveHadIt:N0}")} | {(_slaveHadIt == 0 ? "–" : ServedBySlave.ToString("P2", CultureInfo.InvariantCulture))} |");

    private static void Count(ref int counter, bool condition)
    {
        if (condition)
        {
            Interlocked.Increment(ref counter);
        }
    }
}
