using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace Replicated.NHibernate.Web.Status;

/// <summary>The part of the page that changes, as HTML: made here alone, for the first view and for the live ones.</summary>
internal static class StatusFragment
{
    public static string Of(ReplicatedStatus status)
    {
        var html = new StringBuilder(8192);
        var (level, text) = StatusSummary.Of(status);
        html.Append(CultureInfo.InvariantCulture, $"""<div class="replicated-status"><p role="status" class="summary {level}">{Encode(text)}</p>""");
        html.Append("""<section aria-labelledby="replicated-servers"><h2 id="replicated-servers">Servers</h2><ul class="nodes">""");
        foreach (var node in status.Nodes)
        {
            Append(html, node, status);
        }

        html.Append("</ul></section>");
        StatusTables.AppendSessions(html, status);
        StatusTables.AppendCounts(html, status);
        StatusTables.AppendSettings(html, status);
        html.Append(CultureInfo.InvariantCulture, $"""<p class="quiet">As {Encode(status.Instance.Machine)}, process {status.Instance.Process}, sees it at <time datetime="{status.At:O}">{status.At:HH:mm:ss} UTC</time>. """);
        html.Append(CultureInfo.InvariantCulture, $"""Counted since <time datetime="{status.Instance.CountingSince:O}">{status.Instance.CountingSince:yyyy-MM-dd HH:mm:ss} UTC</time>.</p></div>""");
        return html.ToString();
    }

    public static string Encode(string text) => HtmlEncoder.Default.Encode(text);

    private static void Append(StringBuilder html, NodeStatus node, ReplicatedStatus status)
    {
        var role = node.Role == "slave" ? "slave (read replica)" : node.Role;
        html.Append(CultureInfo.InvariantCulture, $"""<li class="node {(node.IsUsed ? "used" : "unused")} is-{Encode(node.State)}"><h3>{Encode(node.Name)}</h3><p class="quiet">{Encode(role)}{(node.Address is null ? "" : $", {Encode(node.Address)}")}</p>""");
        html.Append(CultureInfo.InvariantCulture, $"""<p><strong class="state">{Encode(node.State)}</strong>""");
        if (node.Since is { } since)
        {
            html.Append(CultureInfo.InvariantCulture, $""" since <time datetime="{since:O}">{since:HH:mm:ss} UTC</time> ({Encode(StatusText.Duration(status.At - since))})""");
        }

        html.Append(CultureInfo.InvariantCulture, $""": {Encode(node.Why)}.</p><dl>""");
        if (node.Role == "slave")
        {
            Pair(html, "Lag", node.LagSeconds is { } lag ? StatusText.Seconds(lag) : "unknown");
            Pair(html, "Weight", node.Weight.ToString(CultureInfo.InvariantCulture));
        }

        Pair(html, "Last answer", node.PositionAgeSeconds is { } age ? $"{StatusText.Seconds(age)} ago" : "none");
        Pair(html, "Connections in use", node.ConnectionsInUse.ToString(CultureInfo.InvariantCulture));
        Pair(html, "Sessions per second", node.SessionsPerSecond.ToString("0.0", CultureInfo.InvariantCulture));
        html.Append("</dl>");
        if (node.Role == "slave" && status.Settings.PositionsAreKnown)
        {
            StatusChart.Append(html, node, status.Settings.MaxLagSeconds);
        }

        html.Append("</li>");
    }

    private static void Pair(StringBuilder html, string term, string value) =>
        html.Append(CultureInfo.InvariantCulture, $"<div><dt>{term}</dt><dd>{Encode(value)}</dd></div>");
}
