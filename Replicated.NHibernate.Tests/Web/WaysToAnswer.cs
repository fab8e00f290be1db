using System.Net.ServerSentEvents;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Every way to write a response that is not MVC's, each with what the client reads of it.</summary>
internal static class WaysToAnswer
{
    public const string Half = "half";
    public const string Whole = Half + Half;
    private static readonly byte[] HalfBytes = Encoding.UTF8.GetBytes(Half);
    private static readonly string[] Halves = [Half, Half];

    private static readonly Lazy<string> OnDisk = new(() =>
    {
        var path = Path.Combine(AppContext.BaseDirectory, "whole.txt");
        File.WriteAllText(path, Whole);
        return path;
    });

    private static readonly Dictionary<string, (string Expected, Func<HttpContext, Task> Write)> All = new()
    {
        ["Results.Json"] = ($"\"{Whole}\"", c => Results.Json(Whole).ExecuteAsync(c)),
        ["Results.Text"] = (Whole, c => Results.Text(Whole).ExecuteAsync(c)),
        ["Results.Created"] = ($"\"{Whole}\"", c => Results.Created("/somewhere", Whole).ExecuteAsync(c)),
        ["Results.Stream"] = (Whole, c => Results.Stream(s => s.WriteAsync(HalfBytes.Concat(HalfBytes).ToArray()).AsTask()).ExecuteAsync(c)),
        ["Results.File"] = (Whole, c => Results.File(OnDisk.Value, "text/plain").ExecuteAsync(c)),
        ["WriteAsync"] = (Whole, c => c.Response.WriteAsync(Whole)),
        ["WriteAsJsonAsync"] = ($"\"{Whole}\"", c => c.Response.WriteAsJsonAsync(Whole)),
        ["WriteAsync twice"] = (Whole, async c =>
        {
            await c.Response.WriteAsync(Half);
            await c.Response.WriteAsync(Half);
        }),
        ["BodyWriter without flush"] = (Whole, c =>
        {
            HalfBytes.CopyTo(c.Response.BodyWriter.GetMemory(Half.Length));
            c.Response.BodyWriter.Advance(Half.Length);
            HalfBytes.CopyTo(c.Response.BodyWriter.GetSpan(Half.Length));
            c.Response.BodyWriter.Advance(Half.Length);
            return Task.CompletedTask;
        }),
        ["BodyWriter without flush, then Body"] = (Whole, async c =>
        {
            HalfBytes.CopyTo(c.Response.BodyWriter.GetMemory(Half.Length));
            c.Response.BodyWriter.Advance(Half.Length);
            await c.Response.Body.WriteAsync(HalfBytes);
        }),
        ["BodyWriter.WriteAsync"] = (Whole, async c => await c.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(Whole))),
        ["BodyWriter completed"] = (Whole, async c =>
        {
            await c.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(Whole));
            await c.Response.BodyWriter.CompleteAsync();
        }),
        ["Body.WriteAsync"] = (Whole, c => c.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(Whole)).AsTask()),
        ["Body.Write"] = (Whole, c =>
        {
            c.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
            c.Response.Body.Write(HalfBytes, 0, HalfBytes.Length);
            c.Response.Body.Write(HalfBytes.AsSpan());
            return Task.CompletedTask;
        }),
        ["Body.Flush"] = ("", c =>
        {
            c.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
            c.Response.Body.Flush();
            return Task.CompletedTask;
        }),
        ["Body.FlushAsync"] = ("", c => c.Response.Body.FlushAsync()),
        ["SendFileAsync"] = (Whole, c => c.Response.SendFileAsync(OnDisk.Value)),
        ["StartAsync"] = (Whole, async c =>
        {
            await c.Response.StartAsync();
            await c.Response.WriteAsync(Whole);
        }),
        ["CompleteAsync"] = ("", c => c.Response.CompleteAsync()),
        ["CompleteAsync after a body"] = (Whole, async c =>
        {
            HalfBytes.CopyTo(c.Response.BodyWriter.GetMemory(Half.Length));
            c.Response.BodyWriter.Advance(Half.Length);
            HalfBytes.CopyTo(c.Response.BodyWriter.GetMemory(Half.Length));
            c.Response.BodyWriter.Advance(Half.Length);
            await c.Response.CompleteAsync();
        }),
        ["IAsyncEnumerable"] = ($"[\"{Half}\",\"{Half}\"]", c => TypedResults.Ok(Streamed()).ExecuteAsync(c)),
        ["Server-sent events"] = ($"data: {Half}\n\ndata: {Half}\n\n", c => TypedResults.ServerSentEvents(Events()).ExecuteAsync(c)),
        ["200 without a body"] = ("", c => Results.Ok().ExecuteAsync(c)),
        ["201 without a body"] = ("", c => Results.Created("/somewhere", value: null).ExecuteAsync(c)),
        ["204"] = ("", c => Results.NoContent().ExecuteAsync(c)),
        ["Redirect"] = ("", c => Results.Redirect("/somewhere").ExecuteAsync(c)),
        ["404"] = ("", c => Results.NotFound().ExecuteAsync(c)),
        ["400 with a body"] = (Whole, c =>
        {
            c.Response.StatusCode = 400;
            return c.Response.WriteAsync(Whole);
        }),
        ["nothing"] = ("", _ => Task.CompletedTask),
    };

    public static IEnumerable<string> Names => All.Keys;

    public static string Expected(string way) => All[way].Expected;

    public static Task Write(string way, HttpContext context) => All[way].Write(context);

    private static async IAsyncEnumerable<string> Streamed()
    {
        foreach (var half in Halves)
        {
            await Task.Yield();
            yield return half;
        }
    }

    private static async IAsyncEnumerable<SseItem<string>> Events()
    {
        await foreach (var half in Streamed())
        {
            yield return new SseItem<string>(half);
        }
    }
}
