namespace Replicated.NHibernate.Nodes;

/// <summary>
/// Which of a database's logs its master writes now. After a promotion there are two that share what lies before the fork; only what follows the master's counts. Thread-safe.
/// </summary>
internal sealed class LogHistory
{
    private readonly Lock _lock = new();
    private volatile Known? _known;
    private UInt128? _last;

    // The fork lies before the first place of the new log that anybody saw.
    private sealed record Known(UInt128 Log, ulong First);

    /// <summary>The master's log; null while no master is known.</summary>
    public UInt128? Current => _known?.Log;

    /// <summary>The master said, by an answer or by a commit, that its log ends there.</summary>
    /// <returns>Whether the log is another one than the last that was known.</returns>
    public bool MasterIsAt(Position place)
    {
        if (_known is { } known && known.Log == place.Log && known.First <= place.Offset)
        {
            return false;
        }

        lock (_lock)
        {
            var isNew = _last is { } last && last != place.Log;
            _last = place.Log;
            _known = _known is { } former && former.Log == place.Log ? new Known(place.Log, Math.Min(former.First, place.Offset)) : new Known(place.Log, place.Offset);
            return isNew;
        }
    }

    /// <summary>Nobody can tell any more which log the next master writes.</summary>
    public void MasterIsGone() => _known = null;

    /// <summary>Whether a server at one place has everything up to another that the master still has.</summary>
    public bool IsReached(ReplicationPositions positions, Position wanted, Position replayed)
    {
        if (!positions.LogsContinue || _known is not { } master)
        {
            return positions.IsReached(wanted, replayed);
        }

        if (replayed.Log != master.Log || wanted.Log > replayed.Log)
        {
            return false;
        }

        // What an older log has behind the fork was lost with its master, so nobody waits for it.
        return replayed.Offset >= (wanted.Log == replayed.Log ? wanted.Offset : Math.Min(wanted.Offset, master.First));
    }
}
