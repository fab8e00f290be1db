using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>The numbers of transactions (GTID), as the two servers write them.</summary>
internal static class GtidText
{
    /// <summary><c>0-1-100,5-1-3</c>: domain, server, number. Within a domain numbers only grow, whichever server writes.</summary>
    public static Position? MariaDb(string? text)
    {
        var places = new List<(UInt128, ulong)>();
        foreach (var one in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (one.Split('-') is not [var domain, _, var number]
                || !uint.TryParse(domain, NumberStyles.None, CultureInfo.InvariantCulture, out var log)
                || !ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            {
                return null;
            }

            places.Add((log, offset));
        }

        return places.Count == 0 ? null : Position.Of(places);
    }

    /// <summary>For a place whose server nobody knows any more; the server waits for the number alone.</summary>
    public static string MariaDb(Position position) =>
        string.Join(',', position.Places.Select(p => string.Create(CultureInfo.InvariantCulture, $"{(uint)p.Log}-0-{p.Offset}")));

    /// <summary><c>3e11fa47-…:1-5:7-9,…</c>: source and intervals.</summary>
    /// <param name="text">The set.</param>
    /// <param name="upToGap">Up to the first number that is missing, which is what a slave has for certain; otherwise up to the last one.</param>
    public static Position? MySql(string? text, bool upToGap)
    {
        var places = new List<(UInt128, ulong)>();
        foreach (var one in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // A tag may stand between source and intervals; those are logs that nobody here compares.
            if (one.Split(':') is not [var source, .. var intervals] || !Guid.TryParse(source, out var id) || intervals.Length == 0)
            {
                return null;
            }

            var interval = (upToGap ? intervals[0] : intervals[^1]).Split('-');
            if (!ulong.TryParse(interval[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last))
            {
                return null;
            }

            var startsLater = upToGap && interval[0] is not "1";
            places.Add((UInt128.Parse(id.ToString("N"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), startsLater ? 0 : last));
        }

        return places.Count == 0 ? null : Position.Of(places);
    }

    public static string MySql(Position position) =>
        string.Join(',', position.Places.Select(p => string.Create(CultureInfo.InvariantCulture, $"{Guid.ParseExact(p.Log.ToString("x32", CultureInfo.InvariantCulture), "N")}:1-{p.Offset}")));
}
