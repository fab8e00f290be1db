using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>What a request answered, and what was thrown in it.</summary>
internal sealed record Reply(HttpStatusCode Status, string Body, string? Route, string? RetryAfter, Exception? Thrown)
{
    /// <summary>The token as the header carries it.</summary>
    public string? TokenHeader { get; init; }

    /// <summary>The whole of each Set-Cookie.</summary>
    public IReadOnlyList<string> SetCookies { get; init; } = [];

    public string? CacheControl { get; init; }

    public Reply Ok()
    {
        Assert.That(Status, Is.EqualTo(HttpStatusCode.OK), Thrown?.ToString());
        return this;
    }
}

/// <summary>An application whose endpoints do what a test hands in: /run, /master with UseMaster, /slave with UseSlave, /once with NoRepeat and /snapshot, alone and before either, with UseSnapshot, each by GET and POST.</summary>
internal sealed class WorkApp : IAsyncDisposable
{
    private const string Header = "X-Work";
    private static readonly string[] Verbs = ["GET", "POST"];

    private readonly ConcurrentDictionary<string, Func<HttpContext, Task>> _work;
    private readonly ConcurrentDictionary<string, Exception> _thrown;
    private readonly TestApp _app;

    private WorkApp(TestApp app, ConcurrentDictionary<string, Func<HttpContext, Task>> work, ConcurrentDictionary<string, Exception> thrown) =>
        (_app, _work, _thrown) = (app, work, thrown);

    public RecordedLog Log => _app.Log;

    public IServiceProvider Services => _app.Services;

    public IReplicatedSessions Sessions => Services.GetRequiredService<IReplicatedSessions>();

    public static async Task<WorkApp> StartAsync(
        UnitOfWork unit,
        PostgresCluster? cluster = null,
        Dictionary<string, string?>? settings = null,
        Action<WebApplicationBuilder>? build = null,
        int slaves = 2)
    {
        var work = new ConcurrentDictionary<string, Func<HttpContext, Task>>(StringComparer.Ordinal);
        var thrown = new ConcurrentDictionary<string, Exception>(StringComparer.Ordinal);
        async Task Run(HttpContext context)
        {
            var id = context.Request.Headers[Header].ToString();
            try
            {
                await work[id](context);
            }
            catch (Exception e)
            {
                thrown[id] = e;
                throw;
            }
        }

        var app = await TestApp.StartAsync(
            unit,
            app =>
            {
                app.MapMethods("/run", Verbs, Run);
                app.MapMethods("/master", Verbs, Run).UseMaster();
                app.MapMethods("/slave", Verbs, Run).UseSlave();
                app.MapMethods("/once", Verbs, Run).NoRepeat();
                app.MapMethods("/snapshot", Verbs, Run).UseSnapshot();
                app.MapMethods("/snapshot/master", Verbs, Run).UseMaster().UseSnapshot();
                app.MapMethods("/snapshot/slave", Verbs, Run).UseSlave().UseSnapshot();
            },
            cluster,
            new Dictionary<string, string?>(settings ?? []) { ["Replicated:RouteHeader"] = "true" },
            builder =>
            {
                builder.Services.AddBoardType();
                build?.Invoke(builder);
            },
            slaves);
        return new WorkApp(app, work, thrown);
    }

    public Task<Reply> Get(Func<HttpContext, Task> work, string path = "/run", CancellationToken cancellationToken = default) =>
        Send(HttpMethod.Get, path, work, cancellationToken);

    public Task<Reply> Post(Func<HttpContext, Task> work, string path = "/run", CancellationToken cancellationToken = default) =>
        Send(HttpMethod.Post, path, work, cancellationToken);

    /// <summary>Where a GET reads that does nothing else.</summary>
    public async Task<Place> WhereGet(string path = "/run")
    {
        Place? place = null;
        (await Get(async context => place = await context.Board().WhereAsync(), path)).Ok();
        return place!;
    }

    public void Reload(string key, string? value) => _app.Reload(key, value);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    public async Task<Reply> Send(
        HttpMethod method, string path, Func<HttpContext, Task> work, CancellationToken cancellationToken = default, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        var id = Guid.NewGuid().ToString();
        request.Headers.Add(Header, id);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        _work[id] = work;
        using var response = await _app.Client.SendAsync(request, cancellationToken);
        return new Reply(
            response.StatusCode,
            await response.Content.ReadAsStringAsync(cancellationToken),
            response.Headers.TryGetValues("Replicated-Route", out var route) ? route.Single() : null,
            response.Headers.TryGetValues("Retry-After", out var after) ? after.Single() : null,
            _thrown.GetValueOrDefault(id))
        {
            TokenHeader = response.Headers.TryGetValues("Replicated-Token", out var token) ? token.Single() : null,
            SetCookies = response.Headers.TryGetValues("Set-Cookie", out var cookies) ? [.. cookies] : [],
            CacheControl = response.Headers.CacheControl?.ToString(),
        };
    }
}

internal static class Boards
{
    /// <summary>A board of its own on what is current here; <c>IBoard</c> from the container is one for the whole request.</summary>
    public static IBoard Board(this HttpContext context) => context.RequestServices.NewBoard();

    public static IBoard NewBoard(this IServiceProvider services) =>
        (IBoard)ActivatorUtilities.CreateInstance(services, services.GetRequiredService<BoardType>().Type);

    /// <summary>Remembers which board the unit of work has registered.</summary>
    public static void AddBoardType(this IServiceCollection services) =>
        services.AddSingleton(new BoardType(services.Last(s => s.ServiceType == typeof(IBoard)).ImplementationType!));

    private sealed record BoardType(Type Type);
}
