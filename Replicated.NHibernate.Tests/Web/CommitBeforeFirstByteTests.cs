using System.Collections.Concurrent;
using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Endpoints that are not MVC's: no byte of a response leaves before its commit, in whatever way it is written.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class CommitBeforeFirstByteTests(UnitOfWork unit)
{
    private const string CommitFailed = "the commit failed";
    private readonly ConcurrentDictionary<string, bool> _thereWhenTheResponseStarted = new();
    private TaskCompletionSource _go = new();
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await FailingCommit.CreateTable();
        _app = await TestApp.StartAsync(builder => unit.Register(builder.Services), Pipeline, build: builder => builder.Services.AddResponseCompression());
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public Task A_commit_that_fails_is_an_error_which_the_exception_handler_sees([ValueSource(typeof(WaysToAnswer), nameof(WaysToAnswer.Names))] string way) =>
        Fails("POST", way);

    [Test]
    public Task A_commit_that_succeeds_is_there_when_the_response_starts([ValueSource(typeof(WaysToAnswer), nameof(WaysToAnswer.Names))] string way) =>
        Succeeds("POST", way);

    [Test]
    public Task With_HEAD_it_is_the_same() => Assert.MultipleAsync(async () =>
    {
        foreach (var way in WaysToAnswer.Names)
        {
            await Fails("HEAD", way);
            await Succeeds("HEAD", way);
        }
    });

    [Test]
    public Task With_response_compression_it_is_the_same([Values("around", "inside")] string compression) => Assert.MultipleAsync(async () =>
    {
        foreach (var way in WaysToAnswer.Names)
        {
            await Fails("POST", way, compression);
            await Succeeds("POST", way, compression);
        }
    });

    [Test]
    public async Task The_row_is_there_before_the_client_has_read_the_first_byte([Values("chunks", "events")] string way)
    {
        _go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = Guid.NewGuid();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/in-halves/{way}/{id}");
        using var response = await _app.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await response.Content.ReadAsStreamAsync();
        var first = new byte[1];
        await body.ReadExactlyAsync(first);
        var there = await SharedCluster.IsOnMaster(id);
        _go.SetResult();
        using var reader = new StreamReader(body);
        Assert.That((char)first[0] + await reader.ReadToEndAsync(), Is.EqualTo(way == "events" ? "data: half\n\ndata: half\n\n" : "halfhalf"));
        Assert.That(there, Is.True);
    }

    [Test]
    public async Task A_failed_commit_that_the_endpoint_swallows_is_no_success_either([Values("WriteAsync", "StartAsync", "SendFileAsync")] string way)
    {
        using var response = await _app.Client.PostAsync($"/swallowing/{way}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(CommitFailed));
    }

    private static void Compress(WebApplication app, string where) =>
        app.UseWhen(c => c.Request.Headers["Compress"] == where, b => b.UseResponseCompression());

    private static Task AnswerTheError(HttpContext context)
    {
        var error = context.Features.Get<IExceptionHandlerFeature>()!.Error;
        return context.Response.WriteAsync(FailingCommit.Is(error) ? CommitFailed : error.ToString());
    }

    private async Task Fails(string verb, string way, string compression = "")
    {
        var id = Guid.NewGuid();
        var (status, body) = await Send(verb, $"/failing/{way}/{id}", compression);
        Assert.That((status, body), Is.EqualTo((500, verb == "HEAD" ? "" : CommitFailed)), $"{verb} {way}");
        Assert.That(await FailingCommit.OrphanIsOnMaster(id), Is.False, way);
    }

    private async Task Succeeds(string verb, string way, string compression = "")
    {
        var id = Guid.NewGuid();
        var (status, body) = await Send(verb, $"/adding/{way}/{id}", compression);
        Assert.That(status, Is.LessThan(500), way);
        Assert.That(body, Is.EqualTo(verb == "HEAD" ? "" : WaysToAnswer.Expected(way)), $"{verb} {way}");
        Assert.That(_thereWhenTheResponseStarted[id.ToString()], Is.True, $"{verb} {way}");
    }

    private async Task<(int Status, string Body)> Send(string verb, string path, string compression)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        request.Headers.Add("Compress", compression);
        request.Headers.Add("Accept-Encoding", "gzip");
        using var response = await _app.Client.SendAsync(request);
        await using var body = await response.Content.ReadAsStreamAsync();
        var isCompressed = response.Content.Headers.ContentEncoding.Contains("gzip") && verb != "HEAD";
        using var reader = new StreamReader(isCompressed ? new GZipStream(body, CompressionMode.Decompress) : body);
        return ((int)response.StatusCode, await reader.ReadToEndAsync());
    }

    private void Pipeline(WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = AnswerTheError });
        Compress(app, "around");
        app.UseRouting();
        app.Use((HttpContext context, RequestDelegate next) =>
        {
            if (context.Request.RouteValues["id"] is string id)
            {
                context.Response.OnStarting(async () => _thereWhenTheResponseStarted[id] = await SharedCluster.IsOnMaster(Guid.Parse(id)));
            }

            return next(context);
        });
        app.UseReplicatedSessions();
        Compress(app, "inside");
        app.MapMethods("/failing/{way}/{id:guid}", ["POST", "HEAD"], async (string way, Guid id, IBoard board, HttpContext context) =>
        {
            await board.AddOrphan(id);
            await Answer(way, context);
        }).UseMaster();
        app.MapMethods("/adding/{way}/{id:guid}", ["POST", "HEAD"], async (string way, Guid id, IBoard board, HttpContext context) =>
        {
            await board.AddAsync(id);
            await Answer(way, context);
        }).UseMaster();
        app.MapPost("/swallowing/{way}", async (string way, IBoard board, HttpContext context) =>
        {
            await board.AddOrphan(Guid.NewGuid());
            try
            {
                await WaysToAnswer.Write(way, context);
            }
            catch (Exception e) when (FailingCommit.Is(e))
            {
                context.Response.StatusCode = 200;
            }
        });
        app.MapPost("/in-halves/{way}/{id:guid}", async (string way, Guid id, IBoard board, HttpContext context) =>
        {
            await board.AddAsync(id);
            await (way == "events" ? TypedResults.ServerSentEvents(Halves()).ExecuteAsync(context) : WriteHalves(context));
        });
    }

    private static Task Answer(string way, HttpContext context)
    {
        context.Response.ContentType = "text/plain";
        return WaysToAnswer.Write(way, context);
    }

    private async Task WriteHalves(HttpContext context)
    {
        await foreach (var half in Halves())
        {
            await context.Response.WriteAsync(half);
            await context.Response.Body.FlushAsync();
        }
    }

    private async IAsyncEnumerable<string> Halves()
    {
        yield return WaysToAnswer.Half;
        await _go.Task;
        yield return WaysToAnswer.Half;
    }
}
