using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>However a request ends, nothing of it is left: no connection in use, no transaction, nothing ambient.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class EndOfRequestTests(UnitOfWork unit)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string _name = $"end-of-request-{Guid.NewGuid():N}";
    private TaskCompletionSource _ended = new();
    private TaskCompletionSource _handling = new();
    private TaskCompletionSource<Remains> _remains = new();
    private Task _statement = Task.CompletedTask;
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await FailingCommit.CreateTable();
        // One connection for each server and role: one that is not given back makes the next request fail.
        _app = await TestApp.StartAsync(builder => unit.Register(builder.Services), Pipeline, build: builder =>
        {
            foreach (var key in new[] { "ConnectionStrings:Master", "ConnectionStrings:Slave" })
            {
                builder.Configuration[key] = $"{builder.Configuration[key]};Application Name={_name};Maximum Pool Size=1;Timeout=5";
            }

            builder.AddFreshBoard();
        }, slaves: 1);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public void Prepare()
    {
        _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _handling = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _remains = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [TestCase("GET", "/where")]
    [TestCase("POST", "/where")]
    [TestCase("POST", "/both")]
    [TestCase("POST", "/throw-first", Description = "before the first statement")]
    [TestCase("POST", "/throw")]
    [TestCase("GET", "/throw")]
    [TestCase("POST", "/broken", Description = "a statement that fails")]
    [TestCase("POST", "/failing-commit")]
    [TestCase("POST", "/throw-after-the-first-byte")]
        [TestCase("POST", "/throwing-result")]
    [TestCase("POST", "/cancelled", Description = "a token that is cancelled")]
    public async Task Nothing_is_left_of_a_request(string verb, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        try
        {
            using var response = await _app.Client.SendAsync(request);
        }
        catch (HttpRequestException) when (path.Contains("after", StringComparison.Ordinal))
        {
            // The answer breaks off.
        }

        await NothingIsLeft($"Endpoint {verb} /");
    }

    [TestCase("POST", "/waiting")]
    [TestCase("GET", "/waiting")]
    [TestCase("POST", "/waiting-after-the-first-byte")]
    public async Task Nothing_is_left_of_a_request_whose_client_went_away(string verb, string path)
    {
        using var abort = new CancellationTokenSource();
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        var answer = _app.Client.SendAsync(request, abort.Token);
        await _handling.Task.WaitAsync(Patience);
        await abort.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => answer);
        await NothingIsLeft($"Endpoint {verb} /");
    }

    [Test]
    public async Task A_commit_is_not_cancelled_by_a_client_that_went_away()
    {
        var id = Guid.NewGuid();
        using var abort = new CancellationTokenSource();
        var answer = _app.Client.PostAsync($"/add-and-wait/{id}", content: null, abort.Token);
        await _handling.Task.WaitAsync(Patience);
        await abort.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => answer);
        await _ended.Task.WaitAsync(Patience);
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task A_forgotten_statement_neither_hangs_the_request_nor_keeps_its_connection([Values("GET", "POST")] string verb, [Values] bool throws)
    {
        for (var i = 0; i < 5; i++)
        {
            Prepare();
            using var request = new HttpRequestMessage(new HttpMethod(verb), $"/forgotten-statement?throws={throws}");
            using var response = await _app.Client.SendAsync(request).WaitAsync(Patience);
            // On the master a statement that still runs cannot be committed; one that had not begun yet has nothing to commit.
            Assert.That((int)response.StatusCode, throws ? Is.EqualTo(500) : verb == "GET" ? Is.EqualTo(200) : Is.AnyOf(200, 500));
            await _ended.Task;
            await Task.WhenAny(_statement);
            await NothingIsLeft($"Endpoint {verb} /");
        }
    }

    private async Task NothingIsLeft(string request)
    {
        await _ended.Task.WaitAsync(Patience);
        // What a task that was started in the request and forgotten finds when the request has ended.
        var remains = await _remains.Task.WaitAsync(Patience);
        Assert.That(remains.Scope, Is.Null);
        Assert.That(remains.Route, Is.Null);
        Assert.That(remains.Error, Is.TypeOf<ObjectDisposedException>().With.Message.StartsWith(request).And.Message.Contains("BeginScope"));

        var pool = _app.Services.GetRequiredService<NodePool>();
        Assert.That(pool.Slaves.Append(pool.Master).Select(n => n.InUse), Is.All.Zero);
        foreach (var node in new[] { SharedCluster.Master, SharedCluster.Cluster.Slaves[0] })
        {
            var busy = await SharedCluster.Ask<long>(node, $"select count(*) from pg_stat_activity where application_name = '{_name}' and state <> 'idle'");
            Assert.That(busy, Is.Zero, $"connections of {node.Name} that are not idle");
        }

        Assert.That((await _app.Get<Place>("/where")).InRecovery, Is.True, "the next read");
        Assert.That((await _app.Post<Place>("/where")).InRecovery, Is.False, "the next write");
    }

    private void Pipeline(WebApplication app)
    {
        app.Use(async (HttpContext context, RequestDelegate next) =>
        {
            try
            {
                await next(context);
            }
            finally
            {
                _ended.TrySetResult();
            }
        });
        app.UseRouting();
        app.UseReplicatedSessions();
        app.Use((HttpContext context, RequestDelegate next) =>
        {
            _ = Forget(context.RequestServices.GetRequiredService<IReplicatedSessions>(), _ended.Task, _remains);
            return next(context);
        });
        app.MapMethods("/where", ["GET", "POST"], (IBoard board) => board.WhereAsync());
        app.MapPost("/both", async (IBoard board, IReplicatedSessions sessions, IServiceProvider services) =>
        {
            await board.WhereAsync();
            using (sessions.UseSlave())
            {
                await services.GetFreshBoard().WhereAsync();
            }
        });
        app.MapPost("/throw-first", (HttpContext context) =>
        {
            context.RequestServices.GetRequiredService<IBoard>();
            throw new InvalidOperationException("on purpose");
        });
        app.MapMethods("/throw", ["GET", "POST"], async (IBoard board) =>
        {
            await board.WhereAsync();
            throw new InvalidOperationException("on purpose");
        });
        app.MapPost("/broken", (IBoard board) => board.ExecuteAsync("insert into no_such_table values (1)"));
        app.MapPost("/failing-commit", (IBoard board) => board.AddOrphan(Guid.NewGuid()));
        app.MapPost("/throw-after-the-first-byte", async (IBoard board, HttpContext context) =>
        {
            await board.WhereAsync();
            await context.Response.WriteAsync("first");
            await context.Response.Body.FlushAsync();
            await board.WhereAsync();
            throw new InvalidOperationException("on purpose");
        });
        app.MapPost("/throwing-result", async (IBoard board) =>
        {
            await board.WhereAsync();
            return Results.Stream(_ => throw new InvalidOperationException("on purpose"));
        });
        app.MapPost("/cancelled", async (IBoard board) =>
        {
            await board.WhereAsync();
            throw new OperationCanceledException();
        });
        app.MapMethods("/waiting", ["GET", "POST"], async (IBoard board, HttpContext context) =>
        {
            await board.WhereAsync();
            _handling.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        app.MapPost("/waiting-after-the-first-byte", async (IBoard board, HttpContext context) =>
        {
            await board.WhereAsync();
            await context.Response.WriteAsync("first");
            await context.Response.Body.FlushAsync();
            await board.WhereAsync();
            _handling.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        app.MapMethods("/forgotten-statement", ["GET", "POST"], (IBoard board, bool throws) =>
        {
            _statement = board.ScalarAsync("select count(*) from pg_sleep(0.02)");
            return throws ? throw new InvalidOperationException("on purpose") : Results.Ok();
        });
        app.MapPost("/add-and-wait/{id:guid}", async (Guid id, IBoard board, HttpContext context) =>
        {
            await board.AddAsync(id);
            _handling.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            await context.Response.WriteAsync("nobody hears it");
        });
    }

    private static async Task Forget(IReplicatedSessions sessions, Task ended, TaskCompletionSource<Remains> remains)
    {
        await ended;
        Exception? error = null;
        try
        {
            sessions.UseMaster().Dispose();
        }
        catch (Exception e)
        {
            error = e;
        }

        remains.TrySetResult(new Remains(AmbientScope.Current?.Scope, sessions.CurrentRoute, error));
    }

    private sealed record Remains(Scope? Scope, Route? Route, Exception? Error);
}
