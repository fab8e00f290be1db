using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>What became of the requests of one run.</summary>
internal static class Account
{
    public static Visit[] Failed(this IEnumerable<Visit> visits) => [.. visits.Where(v => !v.IsOk)];

    public static Visit[] Reads(this IEnumerable<Visit> visits) => [.. visits.Where(v => !v.IsWrite)];

    public static Visit[] Writes(this IEnumerable<Visit> visits) => [.. visits.Where(v => v.IsWrite)];

    /// <summary>Those that began after one moment and, if one is given, before another.</summary>
    public static Visit[] Begun(this IEnumerable<Visit> visits, TimeSpan after, TimeSpan? before = null) =>
        [.. visits.Where(v => v.Began > after && v.Began < (before ?? TimeSpan.MaxValue))];

    /// <summary>Those whose connection led to that node.</summary>
    public static Visit[] On(this IEnumerable<Visit> visits, string node) => [.. visits.Where(v => v.Node == node)];

    /// <summary>How many of them had a connection at the same moment, at most.</summary>
    public static int MostAtOnce(this IEnumerable<Visit> visits)
    {
        var (inside, most) = (0, 0);
        var steps = visits.Where(v => v.Opened > TimeSpan.Zero).SelectMany(v => new[] { (At: v.Opened, Step: 1), (At: v.Left, Step: -1) });
        foreach (var (_, step) in steps.OrderBy(s => s.At).ThenBy(s => s.Step))
        {
            inside += step;
            most = Math.Max(most, inside);
        }

        return most;
    }

    /// <summary>On which server processes they ran, with how often where that was more than once.</summary>
    public static string Pids(this IEnumerable<Visit> visits) => string.Join(
        ", ", visits.GroupBy(v => (v.Node, v.Pid)).OrderBy(g => g.Key.Node).ThenBy(g => g.Key.Pid)
            .Select(g => $"{g.Key.Node ?? "no node"}/{g.Key.Pid?.ToString() ?? "unknown"}{(g.Count() == 1 ? "" : $" ({g.Count()} times)")}"));

    public static void Print(string name, UnitOfWork unit, string figures) => TestContext.Out.WriteLine($"{name} [{unit}]: {figures}");
}
