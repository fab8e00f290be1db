using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>Rolling back by decision: the status from which on, SetRollbackOnly, an exception that somebody made an answer of; and what comes after a WebSocket's handshake.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class DecidedOutcomeTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            app.UseWebSockets();
            app.UseRouting();
            app.UseReplicatedSessions();
            app.Use(async (HttpContext context, RequestDelegate next) =>
            {
                try
                {
                    await next(context);
                }
                catch (InvalidOperationException) when (context.Request.Query.ContainsKey("caught"))
                {
                    context.Response.StatusCode = 409;
                }
            });
            app.MapPost("/answers/{status:int}/{id:guid}", async (int status, Guid id, IBoard board) =>
            {
                await board.AddAsync(id);
                return Results.StatusCode(status);
            });
            app.MapPost("/throws/{id:guid}", async (Guid id, IBoard board) =>
            {
                await board.AddAsync(id);
                throw new InvalidOperationException("on purpose");
            });
            app.MapPost("/too-late", async (HttpContext context) =>
            {
                await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
                context.RequestServices.GetRequiredService<IReplicatedScope>().SetRollbackOnly();
            });
            app.MapGet("/socket/{id:guid}", Socket).UseMaster();
        },
        build: builder => builder.AddFreshBoard());

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("500", 404, true)]
    [TestCase("500", 500, false)]
    [TestCase("400", 404, false)]
    [TestCase("400", 303, true)]
    public async Task Status_from_which_on_a_request_is_rolled_back_can_be_chosen(string from, int status, bool committed)
    {
        _app.Reload("Replicated:RollBackFrom", from);
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/answers/{status}/{id}", content: null);
        _app.Reload("Replicated:RollBackFrom", "500");
        Assert.That(((int)response.StatusCode, await SharedCluster.IsOnMaster(id)), Is.EqualTo((status, committed)));
    }

    [Test]
    public async Task Exception_that_leaves_the_endpoint_rolls_back_though_a_middleware_makes_an_answer_of_it()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/throws/{id}?caught", content: null);
        Assert.That((response.StatusCode, await SharedCluster.IsOnMaster(id)), Is.EqualTo((HttpStatusCode.Conflict, false)));
    }

    [Test]
    public async Task SetRollbackOnly_after_the_commit_is_refused()
    {
        using var response = await _app.Client.PostAsync("/too-late", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(_app.Log.LastException?.Message, Does.Contain("SetRollbackOnly() was called after"));
    }

    [Test]
    public async Task Scope_outside_requests_that_is_only_to_be_rolled_back_says_so_at_its_commit_and_goes_on()
    {
        var (first, second) = (Guid.NewGuid(), Guid.NewGuid());
        await using var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope();
        await _app.Services.GetFreshBoard().AddAsync(first);
        scope.SetRollbackOnly();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => scope.CommitAsync());
        Assert.That(error?.Message, Does.Contain("SetRollbackOnly()"));
        await _app.Services.GetFreshBoard().AddAsync(second);
        await scope.CommitAsync();
        Assert.That((await SharedCluster.IsOnMaster(first), await SharedCluster.IsOnMaster(second)), Is.EqualTo((false, true)));
    }

    [Test]
    public async Task WebSocket_finds_its_work_committed_and_its_session_refusing_with_the_remedy()
    {
        var id = Guid.NewGuid();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{_app.Client.BaseAddress!.Authority}/socket/{id}"), CancellationToken.None);
        var buffer = new byte[4_000];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
        var told = System.Text.Encoding.UTF8.GetString(buffer, 0, received.Count).Split('|');
        Assert.That(told[0], Is.EqualTo("True"), "The row was there before the handshake was answered.");
        Assert.That(told[1..3], Is.All.Contains("has become a WebSocket").And.All.Contains("BeginScope"));
        Assert.That(told[3], Is.EqualTo("True"), "A scope of its own works.");
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    private static async Task Socket(Guid id, HttpContext context, IBoard board)
    {
        await board.AddAsync(id);
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var there = await SharedCluster.IsOnMaster(id);
        string former = await Error(() => board.WhereAsync()), fresh = await Error(() => context.RequestServices.GetFreshBoard().WhereAsync());
        bool inScope;
        await using (context.RequestServices.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            inScope = await context.RequestServices.GetFreshBoard().HasAsync(id);
        }

        await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes($"{there}|{former}|{fresh}|{inScope}"), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        await socket.ReceiveAsync(new byte[16], CancellationToken.None);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    private static async Task<string> Error(Func<Task> work)
    {
        try
        {
            await work();
            return "nothing was thrown";
        }
        catch (Exception e)
        {
            return e.GetBaseException().Message;
        }
    }
}
