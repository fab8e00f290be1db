using System.Text.Encodings.Web;
using Microsoft.AspNetCore.WebUtilities;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>What went wrong, as a page for whoever asked for one; the others get the JSON.</summary>
internal sealed class ProblemPage : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) =>
        context.HttpContext.Request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase));

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var status = context.HttpContext.Response.StatusCode;
        var title = HtmlEncoder.Default.Encode(ReasonPhrases.GetReasonPhrase(status));
        var detail = HtmlEncoder.Default.Encode(context.ProblemDetails.Detail ?? "");
        context.HttpContext.Response.ContentType = "text/html; charset=utf-8";
        await context.HttpContext.Response.WriteAsync(
            $"""
            <!doctype html>
            <html lang="en">
            <head>
              <meta charset="utf-8">
              <meta name="viewport" content="width=device-width, initial-scale=1">
              <title>{title}</title>
              <link rel="stylesheet" href="/board.css">
              <link rel="icon" href="data:,">
            </head>
            <body>
              <header><h1>{status}</h1></header>
              <main><p class="route">{title}</p><p>{detail}</p><p><a href="/">Back to the board</a></p></main>
            </body>
            </html>

            """,
            context.HttpContext.RequestAborted);
    }
}
