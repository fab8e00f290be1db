using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Failover;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>One request: when, what came of it, and which server it was on.</summary>
internal sealed record MariaDbVisit(bool IsWrite, TimeSpan Began, HttpStatusCode Status, string? Node, string? Reason)
{
    public bool IsOk => Status is HttpStatusCode.OK;
}

/// <summary>An application under 24 clients, of which one request in ten writes, on a cluster whose servers a test may stop.</summary>
internal sealed class MariaDbLoad : IAsyncDisposable
{
    private const int Clients = 24;

    private readonly ConcurrentQueue<MariaDbVisit> _visits = new();
    private readonly CancellationTokenSource _end = new();
    private readonly TestApp _app;
    private Task _running = Task.CompletedTask;

    private MariaDbLoad(TestApp app) => _app = app;

    public MariaDbVisit[] Visits => [.. _visits];

    public RecordedLog Log => _app.Log;

    private NodePool Pool => _app.Services.GetRequiredService<NodePool>();

    public static async Task<MariaDbLoad> StartAsync(MariaDbCluster cluster, params (string Key, string Value)[] more)
    {
        var settings = cluster.Configuration(";Maximum Pool Size=60;Connection Timeout=2;Default Command Timeout=2");
        foreach (var (key, value) in more)
        {
            settings[key] = value;
        }

        var app = await TestApp.StartAsync(MariaDbBoard.Unit, Map, settings: settings, build: builder => builder.Logging.SetMinimumLevel(LogLevel.Information), slaves: 0);
        var load = new MariaDbLoad(app);
        await load.UntilAll(NodeState.Up);
        load._running = Task.WhenAll(Enumerable.Range(0, Clients).Select(load.Client));
        return load;
    }

    /// <summary>Until so many more requests have ended.</summary>
    public async Task More(int requests)
    {
        var wanted = _visits.Count + requests;
        await MariaDbNode.Until(() => Task.FromResult(_visits.Count >= wanted), $"{requests} more requests");
    }

    /// <returns>The moment at which it was known.</returns>
    public async Task<TimeSpan> UntilNode(string name, NodeState state)
    {
        await MariaDbNode.Until(() => Task.FromResult(Pool.Slaves.Append(Pool.Master).Single(n => n.Name == name).Health.State == state), $"{name} is {state}");
        return Moment.Now;
    }

    public Task UntilAll(NodeState state) => Task.WhenAll(Pool.Slaves.Append(Pool.Master).Select(n => UntilNode(n.Name, state)));

    public async Task<MariaDbVisit> First(Func<MariaDbVisit, bool> wanted)
    {
        MariaDbVisit? found = null;
        await MariaDbNode.Until(() => Task.FromResult((found = _visits.FirstOrDefault(wanted)) is not null), "a request like that");
        return found!;
    }

    public async Task<MariaDbVisit[]> Stop()
    {
        await _end.CancelAsync();
        await _running;
        return Visits;
    }

    public Task<HttpResponseMessage> Strict() => _app.Client.GetAsync(new Uri("/strict", UriKind.Relative));

    public async ValueTask DisposeAsync()
    {
        await Stop();
        await _app.DisposeAsync();
        _end.Dispose();
    }

    private static void Map(WebApplication app)
    {
        app.MapGet("/read", (HttpContext context, IBoard board, IReplicatedSessions sessions) => Told(context, sessions, () => board.ScalarAsync("select count(*) from post where title = 'load'")));
        app.MapPost("/write", (HttpContext context, IBoard board, IReplicatedSessions sessions) => Told(context, sessions, () => board.AddAsync(Guid.CreateVersion7(), "load")));
        app.MapGet("/strict", async (IBoard board) => await board.ScalarAsync("select 1")).UseSlave();
    }

    private static async Task Told(HttpContext context, IReplicatedSessions sessions, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is not (SlavesUnavailableException or MasterUnavailableException))
        {
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
        finally
        {
            var route = sessions.CurrentRoute;
            context.Response.Headers["X-Node"] = $"{route?.Node}";
            context.Response.Headers["X-Reason"] = $"{route?.Reason}";
        }
    }

    private async Task Client(int number)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = _app.Client.BaseAddress };
        for (var i = number; !_end.IsCancellationRequested; i++)
        {
            var (isWrite, began) = (i % 10 == 0, Moment.Now);
            using var answer = isWrite ? await client.PostAsync(new Uri("/write", UriKind.Relative), content: null) : await client.GetAsync(new Uri("/read", UriKind.Relative));
            _visits.Enqueue(new MariaDbVisit(isWrite, began, answer.StatusCode, Header("X-Node"), Header("X-Reason")));
            // A pace that leaves the servers some of the machine.
            await Task.Delay(TimeSpan.FromMilliseconds(5));

            string? Header(string name) => answer.Headers.TryGetValues(name, out var values) && values.Single() is { Length: > 0 } value ? value : null;
        }
    }
}
