using System.Globalization;
using System.Runtime.InteropServices;

namespace Replicated.NHibernate;

/// <summary>
/// What reads must see: the place in the master's log behind a write, and when it was written. Carried by a client's cookie or header, or by a
/// job's message: <c>BeginScope(role, token)</c>. Not signed: who forges one gains reads from the master for a while, and one wait.
/// </summary>
/// <param name="WrittenAt">When the write was committed, by the clock of the application that committed it.</param>
/// <param name="Position">The place in the log; <see langword="null"/> where the database tells none, and only time can.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ConsistencyToken(DateTimeOffset WrittenAt, Position? Position)
{
    // Milliseconds, the log, the offset, each in hexadecimal: 1a2b3c4d5e.1-30000a8; further logs behind an underscore each: 1a2b3c4d5e.0-64_5-3
    private const int MostDigitsOfTime = 12;
    private const int MostDigitsOfLog = 32;
    private const int MostDigitsOfOffset = 16;

    /// <summary>In how many logs a token may have a place; a write in more of them is told by its time.</summary>
    internal const int MostLogs = 8;

    /// <summary>As long as the longest text of a position.</summary>
    internal const int MaxPositionLength = (MostLogs * (MostDigitsOfLog + MostDigitsOfOffset + 2)) - 1;

    /// <summary>As long as the longest token.</summary>
    internal const int MaxLength = MostDigitsOfTime + 1 + MaxPositionLength;

    /// <summary>The text that a cookie, a header or a message carries; safe in each of them.</summary>
    /// <returns>At most 62 ASCII characters for a place in one log; 412 for the eight that a token may have.</returns>
    public override string ToString()
    {
        // What was written before 1970 has been everywhere for long.
        var milliseconds = Math.Max(0, WrittenAt.ToUnixTimeMilliseconds());
        return Position is { } position
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds:x}.{position.Text}")
            : milliseconds.ToString("x", CultureInfo.InvariantCulture);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The token.</returns>
    /// <exception cref="FormatException">The text is no token.</exception>
    public static ConsistencyToken Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var token) ? token : throw new FormatException("The text is not a token. Give what ConsistencyToken.ToString() wrote.");

    /// <summary>Reads what <see cref="ToString"/> wrote. Allocates nothing for a place in one log.</summary>
    /// <param name="text">The text, of whatever origin.</param>
    /// <param name="token">The token.</param>
    /// <returns>Whether the text is a token.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ConsistencyToken token)
    {
        token = default;
        if (text.Length > MaxLength)
        {
            return false;
        }

        var dot = text.IndexOf('.');
        if (!Hex(dot < 0 ? text : text[..dot], MostDigitsOfTime, out var milliseconds) || milliseconds > (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
        {
            return false;
        }

        Position? position = null;
        if (dot >= 0)
        {
            if (!TryParsePosition(text[(dot + 1)..], out var parsed))
            {
                return false;
            }

            position = parsed;
        }

        token = new ConsistencyToken(DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds), position);
        return true;
    }

    /// <summary>
    /// The one of two tokens to keep where there is room for one. Within one log that is the one with the farther place, with the newer time of both.
    /// Otherwise it is the newer one: its place does not tell of the older write. A carrier that takes several keeps both instead: the header takes
    /// them separated by commas.
    /// </summary>
    /// <param name="one">A token.</param>
    /// <param name="other">Another token.</param>
    /// <returns>The token to keep.</returns>
    public static ConsistencyToken Max(ConsistencyToken one, ConsistencyToken other) => Later(one, other)!.Value;

    /// <summary>What must be seen of two. Places compare only within one log, so elsewhere the newer write counts.</summary>
    internal static ConsistencyToken? Later(ConsistencyToken? one, ConsistencyToken? other)
    {
        if (one is not { } a || other is not { } b)
        {
            return one ?? other;
        }

        var newer = b.WrittenAt >= a.WrittenAt ? b : a;
        return a.Position is { } here && b.Position is { } there && here.Log == there.Log && here.Logs == 1 && there.Logs == 1
            ? newer with { Position = there.Offset > here.Offset ? there : here }
            : newer;
    }

    private static bool TryParsePosition(ReadOnlySpan<char> text, out Position position)
    {
        if (!text.Contains('_'))
        {
            return TryParsePlace(text, out position);
        }

        // Nothing is allocated for a text that is none.
        position = default;
        var logs = 0;
        foreach (var part in text.Split('_'))
        {
            if (++logs > MostLogs || !TryParsePlace(text[part], out _))
            {
                return false;
            }
        }

        var places = new List<(UInt128 Log, ulong Offset)>(logs);
        foreach (var part in text.Split('_'))
        {
            if (TryParsePlace(text[part], out var place))
            {
                places.Add((place.Log, place.Offset));
            }
        }

        position = Replicated.NHibernate.Position.Of(places);
        return position.Logs == logs;
    }

    private static bool TryParsePlace(ReadOnlySpan<char> text, out Position place)
    {
        var dash = text.IndexOf('-');
        if (dash < 0 || !Hex(text[..dash], MostDigitsOfLog, out var log) || !Hex(text[(dash + 1)..], MostDigitsOfOffset, out var offset))
        {
            place = default;
            return false;
        }

        place = new Position(log, (ulong)offset);
        return true;
    }

    // Not UInt128.TryParse, which also takes white space around the digits.
    private static bool Hex(ReadOnlySpan<char> digits, int most, out UInt128 value)
    {
        value = 0;
        if (digits.IsEmpty || digits.Length > most)
        {
            return false;
        }

        foreach (var digit in digits)
        {
            if (!char.IsAsciiHexDigit(digit))
            {
                return false;
            }

            value = (value << 4) | (uint)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return true;
    }
}
