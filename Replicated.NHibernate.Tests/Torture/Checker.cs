namespace Replicated.NHibernate.Tests.Torture;

/// <summary>Something that must not happen, or a documented limit, by its name.</summary>
internal sealed record Finding(string Kind, string What, bool IsLimit = false);

/// <summary>Judges a history. It knows nothing of the library but its promises.</summary>
internal static class Checker
{
    public const string StaleOwnRead = "stale own read";
    public const string WentBack = "read that went back";
    public const string LostWrite = "acknowledged write lost";
    public const string RefusedWrite = "write done though refused";
    public const string BareFailure = "failure other than 503 with Retry-After";
    public const string Left = "left over";
    public const string MasterAway = "limit: stale while the master was away";
    public const string SlaveCrashed = "limit: slave that crashed came back behind";
    public const string InFlight = "limit: in flight when its connection ended";

    // How long what was done to a server may still be felt: its timeouts, and the prober's next question.
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(8);

    public static IReadOnlyList<Finding> Check(IReadOnlyList<Operation> history, IReadOnlyList<Disturbance> disturbances, ISet<(int Owner, int Number)> written, Leftover leftover) =>
    [
        .. Stale(history, disturbances),
        .. Backwards(history, disturbances),
        .. history.Where(o => o is { IsWrite: true, IsOk: true } && !written.Contains((o.Owner, o.Number))).Select(o => new Finding(LostWrite, $"{o}")),
        .. history.Where(o => o is { IsWrite: true, Status: (>= 400 and < 500) or 503 } && written.Contains((o.Owner, o.Number))).Select(o => new Finding(RefusedWrite, $"{o}")),
        .. history.Where(o => o.Status is >= 500 && o is not { Status: 503, HasRetryAfter: true }).Select(o => o.WasInFlight ? new Finding(InFlight, $"{o}", IsLimit: true) : new Finding(BareFailure, $"{o}")),
        .. leftover == new Leftover(0, 0, 0) ? [] : new[] { new Finding(Left, $"{leftover}") },
    ];

    // A client that has its write's answer reads it from then on.
    private static IEnumerable<Finding> Stale(IReadOnlyList<Operation> history, IReadOnlyList<Disturbance> disturbances)
    {
        foreach (var own in history.GroupBy(o => o.Client))
        {
            var writes = own.Where(o => o is { IsWrite: true, IsOk: true }).ToArray();
            foreach (var read in own.Where(o => o is { IsWrite: false, IsOk: true } && o.Owner == o.Client))
            {
                var least = writes.Where(w => w.Ended <= read.Began).Select(w => w.Number).DefaultIfEmpty().Max();
                if (read.Seen.Min() < least)
                {
                    yield return Named(StaleOwnRead, $"{read} should see {least}", read, disturbances);
                }
            }
        }
    }

    // What a client has seen once it sees again, by a read that begins later and within one request.
    private static IEnumerable<Finding> Backwards(IReadOnlyList<Operation> history, IReadOnlyList<Disturbance> disturbances)
    {
        foreach (var reads in history.Where(o => o is { IsWrite: false, IsOk: true }).GroupBy(o => (o.Client, o.Owner)))
        {
            foreach (var read in reads)
            {
                var least = reads.Where(r => r.Ended <= read.Began).Select(r => r.Seen.Max()).DefaultIfEmpty().Max();
                if (read.Seen.Min() < least || !read.Seen.Order().SequenceEqual(read.Seen))
                {
                    yield return Named(WentBack, $"{read} should see {least}", read, disturbances);
                }
            }
        }
    }

    private static Finding Named(string kind, string what, Operation read, IReadOnlyList<Disturbance> disturbances)
    {
        bool Suffers(string node, string? how) => disturbances.Any(d => d.Node == node && (how is null || d.Kind == how) && d.Covers(read.Began, read.Ended, Aftermath));
        return read.Route.Contains("reason=stale", StringComparison.Ordinal) && Suffers("master", how: null) ? new Finding(MasterAway, what, IsLimit: true)
            : disturbances.Any(d => d.Kind == "kill" && read.Route.Contains($"node={d.Node}", StringComparison.Ordinal) && d.Covers(read.Began, read.Ended, TimeSpan.FromSeconds(1)))
                ? new Finding(SlaveCrashed, what, IsLimit: true)
            : new Finding(kind, what);
    }
}
