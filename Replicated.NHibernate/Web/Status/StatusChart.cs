using System.Globalization;
using System.Text;

namespace Replicated.NHibernate.Web.Status;

/// <summary>A slave's lag of the last minutes as a line, and in words for readers who do not see it.</summary>
internal static class StatusChart
{
    private const double Height = 40;

    private static readonly double[] Scales = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

    public static void Append(StringBuilder html, NodeStatus node, double maxLag)
    {
        var history = node.LagHistory;
        var most = history.Max() ?? 0;
        var scale = Array.Find(Scales, s => s >= most) is var nice and > 0 ? nice : most;
        html.Append(CultureInfo.InvariantCulture, $"""<figure><svg viewBox="0 0 {StatusHistory.Length} {Height}" preserveAspectRatio="none" aria-hidden="true" focusable="false">""");
        AppendUnknown(html, history);
        if (maxLag <= scale)
        {
            html.Append(CultureInfo.InvariantCulture, $"""<line class="limit" x1="0" x2="{StatusHistory.Length}" y1="{Y(maxLag, scale):0.#}" y2="{Y(maxLag, scale):0.#}"/>""");
        }

        html.Append(CultureInfo.InvariantCulture, $"""<path class="lag" d="{Line(history, scale)}"/></svg>""");
        html.Append(CultureInfo.InvariantCulture, $"""<figcaption>Lag of the last {StatusHistory.Length / 60} minutes: at most {StatusFragment.Encode(StatusText.Seconds(most))}. The chart's top is {scale:0} s{(maxLag <= scale ? ", the dashed line is MaxLag" : "")}.</figcaption></figure>""");
    }

    private static string Line(IReadOnlyList<double?> history, double scale)
    {
        var line = new StringBuilder("M0 0");
        var isDrawn = false;
        for (var i = 0; i < history.Count; i++)
        {
            if (history[i] is { } lag)
            {
                line.Append(CultureInfo.InvariantCulture, $"{(isDrawn ? 'L' : 'M')}{X(i, history.Count)} {Y(lag, scale):0.#}");
            }

            isDrawn = history[i] is not null;
        }

        return line.ToString();
    }

    // Where nobody knew the lag, a band in place of the line.
    private static void AppendUnknown(StringBuilder html, IReadOnlyList<double?> history)
    {
        for (var i = 0; i < history.Count;)
        {
            var end = i;
            while (end < history.Count && history[end] is null)
            {
                end++;
            }

            if (end > i)
            {
                html.Append(CultureInfo.InvariantCulture, $"""<rect class="unknown" x="{X(i, history.Count)}" y="0" width="{end - i}" height="{Height}"/>""");
            }

            i = end + 1;
        }
    }

    private static int X(int index, int count) => StatusHistory.Length - count + index;

    private static double Y(double lag, double scale) => (Height - 1) - (lag / scale * (Height - 2));
}
