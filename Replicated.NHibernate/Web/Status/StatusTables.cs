using System.Globalization;
using System.Text;

namespace Replicated.NHibernate.Web.Status;

/// <summary>The counts and settings of the page.</summary>
internal static class StatusTables
{
    public static void AppendSessions(StringBuilder html, ReplicatedStatus status)
    {
        html.Append("""<section aria-labelledby="replicated-sessions"><h2 id="replicated-sessions">Sessions by server and reason</h2>""");
        if (status.Sessions.Count == 0)
        {
            html.Append("""<p class="quiet">None yet. A request that asks for no session is not counted.</p></section>""");
            return;
        }

        string[] reasons = [.. status.Sessions.Select(s => s.Reason).Distinct(StringComparer.Ordinal).OrderBy(Order).ThenBy(r => r, StringComparer.Ordinal)];
        html.Append("""<div class="wide" role="region" aria-labelledby="replicated-sessions" tabindex="0"><table><thead><tr><th scope="col">Server</th><th scope="col">Wanted</th>""");
        foreach (var reason in reasons)
        {
            html.Append(CultureInfo.InvariantCulture, $"""<th scope="col">{StatusFragment.Encode(reason)}</th>""");
        }

        html.Append("""<th scope="col">all</th></tr></thead><tbody>""");
        foreach (var row in status.Sessions.GroupBy(s => (s.Node, s.Role)))
        {
            html.Append(CultureInfo.InvariantCulture, $"""<tr><th scope="row">{StatusFragment.Encode(row.Key.Node)}</th><td class="word">{StatusFragment.Encode(row.Key.Role)}</td>""");
            foreach (var reason in reasons)
            {
                html.Append(CultureInfo.InvariantCulture, $"<td>{row.Where(s => s.Reason == reason).Sum(s => s.Count)}</td>");
            }

            html.Append(CultureInfo.InvariantCulture, $"<td>{row.Sum(s => s.Count)}</td></tr>");
        }

        html.Append("</tbody></table></div></section>");
    }

    public static void AppendCounts(StringBuilder html, ReplicatedStatus status)
    {
        html.Append("""<section aria-labelledby="replicated-counts"><h2 id="replicated-counts">Counts</h2><dl class="counts">""");
        var fallbacks = status.Fallbacks;
        Pair(html, "Reads that the master took over", Text(fallbacks.Counts));
        Pair(html, "Of them at this moment", string.Create(CultureInfo.InvariantCulture, $"{fallbacks.Active} of at most {fallbacks.MaxActive}"));
        Pair(html, "Consistency tokens that clients sent", Text(status.Tokens));
        Pair(html, "Servers taken out of use", Text(status.Ejections));
        html.Append("</dl></section>");
    }

    public static void AppendSettings(StringBuilder html, ReplicatedStatus status)
    {
        var settings = status.Settings;
        html.Append("""<section aria-labelledby="replicated-settings"><h2 id="replicated-settings">Settings in force</h2><dl class="counts">""");
        Pair(html, "AutoReadOnSlave", settings.AutoReadOnSlave ? "on: requests that only read go to slaves" : "off: only what asks for a slave explicitly gets one");
        Pair(html, "Reads after a write", settings.ReadYourWritesMode switch
        {
            "Auto" => settings.PositionsAreKnown ? "Auto: exact, by consistency token" : "Auto: by time, because this database has no positions",
            "Off" => "Off: they may miss the write",
            var mode => mode,
        });
        Pair(html, "MaxLag", settings.PositionsAreKnown ? StatusText.Seconds(settings.MaxLagSeconds) : "not in force, because this database has no positions");
        Pair(html, "LoadBalancing", settings.LoadBalancing);
        html.Append("</dl></section>");
    }

    private static string Text(IReadOnlyList<TaggedCount> counts) => counts.Count == 0
        ? "none"
        : string.Join(", ", counts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', c.Tags.Values)} {c.Count}")));

    private static int Order(string reason) => Array.FindIndex(StatusText.Reasons, r => r.Reason == reason) is var index and >= 0 ? index : int.MaxValue;

    private static void Pair(StringBuilder html, string term, string value) =>
        html.Append(CultureInfo.InvariantCulture, $"<div><dt>{term}</dt><dd>{StatusFragment.Encode(value)}</dd></div>");
}
