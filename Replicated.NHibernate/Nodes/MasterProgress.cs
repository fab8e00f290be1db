using Replicated.NHibernate.Positions;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// How the master's log has grown, as this process saw it. A slave's lag is the time since the master was first seen to have what the slave lacks: no clock but
/// this process's own takes part in it, and a master that is idle makes nobody late. Thread-safe.
/// </summary>
internal sealed class MasterProgress(ReplicationPositions positions, TimeProvider clock)
{
    // Enough for a week at ten answers a second, as what is older is kept more coarsely.
    private const int Most = 1024;

    private readonly Lock _lock = new();
    private readonly List<(Position Position, long Seen)> _places = [];

    public void Note(Position place)
    {
        lock (_lock)
        {
            if (_places.Count > 0)
            {
                var last = _places[^1].Position;
                if (last == place)
                {
                    return;
                }

                if (!positions.IsReached(last, place))
                {
                    // Another server has become the master, without all that the former one had.
                    _places.Clear();
                }
            }

            if (_places.Count == Most)
            {
                Thin();
            }

            _places.Add((place, clock.GetTimestamp()));
        }
    }

    /// <summary>For how long a slave has lacked something; zero where it has all that is known of.</summary>
    /// <param name="replayed">How far the slave is.</param>
    /// <param name="age">By its own word, how old the last thing is that it shows.</param>
    /// <param name="trusted">From which lag on the slave's word counts, where it is behind everything seen so far.</param>
    /// <param name="furthest">The place behind which nobody can be any more, because the master is gone; null while it is there.</param>
    public TimeSpan LagOf(Position replayed, TimeSpan? age, TimeSpan trusted, Position? furthest = null)
    {
        lock (_lock)
        {
            var missing = _places.Count;
            while (missing > 0 && !positions.IsReached(_places[missing - 1].Position, replayed))
            {
                missing--;
            }

            if (missing == _places.Count || (furthest is { } most && !positions.IsReached(_places[missing].Position, most)))
            {
                return TimeSpan.Zero;
            }

            var lag = clock.GetElapsedTime(_places[missing].Seen);
            return missing == 0 && lag >= trusted && age > lag ? age.Value : lag;
        }
    }

    // What lies closer together than this part of its age tells nothing more of a lag as long as that age.
    private void Thin()
    {
        var (now, kept) = (clock.GetTimestamp(), long.MaxValue);
        for (var i = _places.Count - 1; i >= 0; i--)
        {
            var seen = _places[i].Seen;
            if (kept - seen < (now - seen) / 64)
            {
                _places.RemoveAt(i);
            }
            else
            {
                kept = seen;
            }
        }
    }
}
