using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web.Status;

/// <summary>The page's style sheet and script, from the assembly.</summary>
internal static class StatusAssets
{
    private static readonly string StyleText = Load("status.css");
    private static readonly string ScriptText = Load("status.js");

    /// <summary>Changes with the files, so that a browser may keep them.</summary>
    public static readonly string Version = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(StyleText + ScriptText)))[..12];

    public static Task Style(HttpContext context) => Send(context, "text/css; charset=utf-8", StyleText);

    public static Task Script(HttpContext context) => Send(context, "text/javascript; charset=utf-8", ScriptText);

    private static Task Send(HttpContext context, string type, string text)
    {
        context.Response.Headers.CacheControl = "private, max-age=3600";
        return StatusEndpoints.Send(context, type, text);
    }

    private static string Load(string name)
    {
        using var stream = typeof(StatusAssets).Assembly.GetManifestResourceStream($"Replicated.NHibernate.Web.Status.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
