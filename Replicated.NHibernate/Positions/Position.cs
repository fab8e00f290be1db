using System.Globalization;
using System.Runtime.InteropServices;

namespace Replicated.NHibernate;

/// <summary>
/// A place in a master's log, which a slave has reached or not. Two places compare only in the log that both belong to. Where a master writes several logs
/// (MariaDB's domains, MySQL's sources), a position is a place in each of them. Immutable.
/// </summary>
/// <param name="Log">Which log: PostgreSQL's timeline, MySQL's source, MariaDB's domain; the first one of several.</param>
/// <param name="Offset">The place in it: PostgreSQL's LSN, the number of a GTID.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Position(UInt128 Log, ulong Offset)
{
    // In the order of the logs, each log once, all of them behind Log.
    private readonly (UInt128 Log, ulong Offset)[]? _others;

    private Position(UInt128 log, ulong offset, (UInt128 Log, ulong Offset)[]? others)
        : this(log, offset) => _others = others;

    /// <summary>How many logs it has a place in: 1, or more.</summary>
    public int Logs => 1 + (_others?.Length ?? 0);

    /// <summary>The place in each log, in the order of the logs.</summary>
    public IEnumerable<(UInt128 Log, ulong Offset)> Places => _others is null ? [(Log, Offset)] : [(Log, Offset), .. _others];

    /// <summary>A position of places in several logs; of two in one log the farther one counts.</summary>
    /// <param name="places">The places; at least one.</param>
    /// <returns>The position.</returns>
    /// <exception cref="ArgumentException">There is no place.</exception>
    public static Position Of(IEnumerable<(UInt128 Log, ulong Offset)> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        var sorted = new SortedList<UInt128, ulong>();
        foreach (var (log, offset) in places)
        {
            sorted[log] = sorted.TryGetValue(log, out var known) ? Math.Max(known, offset) : offset;
        }

        return sorted.Count == 0
            ? throw new ArgumentException("A position needs a place in one log at least.", nameof(places))
            : new Position(sorted.GetKeyAtIndex(0), sorted.GetValueAtIndex(0), sorted.Count == 1 ? null : [.. sorted.Skip(1).Select(p => (p.Key, p.Value))]);
    }

    /// <summary>The place in one log.</summary>
    /// <param name="log">Which log.</param>
    /// <returns><see langword="null"/> where it has no place in that log.</returns>
    public ulong? OffsetIn(UInt128 log)
    {
        if (log == Log)
        {
            return Offset;
        }

        foreach (var other in _others ?? [])
        {
            if (other.Log == log)
            {
                return other.Offset;
            }
        }

        return null;
    }

    /// <summary>Whether both have a place in the same logs, and the same one in each.</summary>
    /// <param name="other">The other position.</param>
    /// <returns>Whether they are equal.</returns>
    public bool Equals(Position other) => Log == other.Log && Offset == other.Offset && (_others ?? []).AsSpan().SequenceEqual(other._others ?? []);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Log, Offset, Logs);

    /// <summary>The text in tokens and in the names of their cookies: log and offset in hexadecimal, further logs behind an underscore each.</summary>
    internal string Text => _others is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Log:x}-{Offset:x}")
        : string.Join('_', Places.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Log:x}-{p.Offset:x}")));
}
