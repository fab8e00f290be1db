using System.Text;

namespace Replicated.NHibernate.Web.Status;

/// <summary>The whole page. It reads well without its script, which only keeps it up to date.</summary>
internal static class StatusPage
{
    /// <param name="status">What it shows.</param>
    /// <param name="name">The last segment of its path, in front of which its other resources lie.</param>
    public static string Of(ReplicatedStatus status, string name) =>
        $"""
        <!doctype html>
        <html lang="en">
        <head>
          <meta charset="utf-8">
          <meta name="viewport" content="width=device-width, initial-scale=1">
          <title>Replication status</title>
          <link rel="stylesheet" href="{name}/status.css?v={StatusAssets.Version}">
          <link rel="icon" href="data:,">
          <script src="{name}/status.js?v={StatusAssets.Version}" defer></script>
        </head>
        <body class="replicated-page">
          <header>
            <h1>Replication status</h1>
            <p><a href="{name}.json">As JSON</a></p>
          </header>
          <main data-replicated-status="{name}/events">{StatusFragment.Of(status)}</main>
          <footer>
            <p class="replicated-live" data-replicated-live>This is how it was when the page was made. Reload it to see it as it is now.</p>
            <details>
              <summary>What the reasons mean</summary>
              <dl>
        {Reasons()}
              </dl>
            </details>
          </footer>
        </body>
        </html>

        """;

    private static string Reasons()
    {
        var html = new StringBuilder();
        foreach (var (reason, meaning) in StatusText.Reasons)
        {
            html.Append("<div><dt>").Append(reason).Append("</dt><dd>").Append(StatusFragment.Encode(meaning)).Append("</dd></div>");
        }

        return html.ToString();
    }
}
