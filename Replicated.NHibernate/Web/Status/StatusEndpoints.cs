using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Replicated.NHibernate.Web.Status;

/// <summary>What the endpoints of the status page answer.</summary>
internal static class StatusEndpoints
{
    public static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    // All that the page loads comes from its own application, and nobody else may frame it.
    private const string Policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

    private static readonly JsonSerializerOptions JsonForm = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Task Page(HttpContext context)
    {
        Fresh(context);
        // An application that has a policy of its own has its reasons.
        if (context.Response.Headers.ContentSecurityPolicy.Count == 0)
        {
            context.Response.Headers.ContentSecurityPolicy = Policy;
        }

        return Send(context, "text/html; charset=utf-8", StatusPage.Of(Read(context), NameIn(context.Request.Path)));
    }

    public static Task Json(HttpContext context)
    {
        Fresh(context);
        return Send(context, "application/json; charset=utf-8", JsonSerializer.Serialize(Read(context), JsonForm) + "\n");
    }

    public static async Task Events(HttpContext context)
    {
        var services = context.RequestServices;
        // An open page must not keep the application from stopping.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await TypedResults.ServerSentEvents(services.GetRequiredService<StatusFeed>().Read(end.Token)).ExecuteAsync(context);
    }

    public static Task Send(HttpContext context, string type, string text)
    {
        context.Response.ContentType = type;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static ReplicatedStatus Read(HttpContext context) => context.RequestServices.GetRequiredService<StatusReader>().Read();

    private static void Fresh(HttpContext context) => context.Response.Headers.CacheControl = "no-store";

    // Relative to the page, so that it is right behind a proxy that adds a prefix.
    private static string NameIn(PathString path)
    {
        var text = path.Value!;
        var trimmed = text.TrimEnd('/');
        var name = Uri.EscapeDataString(trimmed[(trimmed.LastIndexOf('/') + 1)..]);
        return text.Length == trimmed.Length ? name : $"../{name}";
    }
}
