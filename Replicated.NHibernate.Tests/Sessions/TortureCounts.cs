using System.Collections.Concurrent;
using System.Globalization;
using NHibernate;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What was done and seen in a torture of the caches. Thread-safe.</summary>
internal sealed class TortureCounts
{
    private readonly ConcurrentQueue<string> _violations = new();
    private int _writes;
    private int _checks;
    private int _slaveReads;
    private int _lateReads;
    private int _byEntity;
    private int _byQuery;

    public static string Header =>
        "| | writes | reads on the master | of these from the cache: entities, queries | reads on slaves | of these older than committed | of these from the cache: entities, queries | violations: entities, queries |\n|---|---|---|---|---|---|---|---|";

    /// <summary>Master sessions that saw an older value than their writer had committed.</summary>
    public IReadOnlyCollection<string> Violations => _violations;

    public int Writes => _writes;

    public int Checks => _checks;

    /// <summary>Reads of slave sessions that the master had overtaken: without them nothing was put to the test.</summary>
    public int LateReads => _lateReads;

    public int ByEntity => _byEntity;

    public int ByQuery => _byQuery;

    public long HitsOnMaster { get; private set; }

    public long HitsOnSlaves { get; private set; }

    public void NoteWrite() => Interlocked.Increment(ref _writes);

    public void NoteCheck(bool byQuery, int seen, int committed, int writer, int shelf)
    {
        Interlocked.Increment(ref _checks);
        if (seen < committed)
        {
            Interlocked.Increment(ref byQuery ? ref _byQuery : ref _byEntity);
            _violations.Enqueue(string.Create(CultureInfo.InvariantCulture, $"Writer {writer} had committed {committed} to shelf {shelf} and read {seen} by {(byQuery ? "query" : "key")}."));
        }
    }

    public void NoteSlaveRead(bool isLate)
    {
        Interlocked.Increment(ref _slaveReads);
        if (isLate)
        {
            Interlocked.Increment(ref _lateReads);
        }
    }

    public string Row(string name, ISessionFactory master, ISessionFactory slaves)
    {
        var (m, s) = (master.Statistics, slaves.Statistics);
        (HitsOnMaster, HitsOnSlaves) = (m.SecondLevelCacheHitCount + m.QueryCacheHitCount, s.SecondLevelCacheHitCount + s.QueryCacheHitCount);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {_writes:N0} | {_checks:N0} | {m.SecondLevelCacheHitCount:N0}, {m.QueryCacheHitCount:N0} | {_slaveReads:N0} | {_lateReads:N0} | {s.SecondLevelCacheHitCount:N0}, {s.QueryCacheHitCount:N0} | {_byEntity:N0}, {_byQuery:N0} |");
    }
}
