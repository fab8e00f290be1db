using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>However requests end, NHibernate has closed as many sessions as it opened. Statistics count for each factory.</summary>
[Promise(9)]
internal sealed class BalancedSessionsTests
{
    private static readonly UnitOfWork Unit = UnitOfWork.All.First(u => u.Name == "NHibernate");
    private TaskCompletionSource _handling = new();
    private TaskCompletionSource _ended = new();
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await FailingCommit.CreateTable();
        _app = await TestApp.StartAsync(builder => Unit.Register(builder.Services), Pipeline, build: builder => builder.AddFreshBoard());
        foreach (var factory in Factories)
        {
            factory.Statistics.IsStatisticsEnabled = true;
        }
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public void Forget()
    {
        _handling = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var factory in Factories)
        {
            factory.Statistics.Clear();
        }
    }

    [TestCase("GET", "/where", 0, 1)]
    [TestCase("POST", "/where", 1, 0)]
    [TestCase("POST", "/nothing", 0, 0, Description = "not asked for, not opened")]
    [TestCase("POST", "/both", 1, 1)]
    [TestCase("POST", "/current", 1, 0, Description = "the injected and the current session are one")]
    [TestCase("GET", "/never-injected", 0, 1, Description = "no container disposes them")]
    [TestCase("POST", "/never-injected", 1, 0)]
    [TestCase("POST", "/throw", 2, 0, Description = "the error page has its own")]
    [TestCase("POST", "/broken", 2, 0)]
    [TestCase("POST", "/failing-commit", 1, 0, Description = "behind the error page: the response was empty")]
    [TestCase("GET", "/missing", 0, 1, Description = "a status-code page has the same")]
    public async Task Every_session_that_a_request_opened_is_closed_when_it_ends(string verb, string path, int onMaster, int onSlave)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        using var response = await _app.Client.SendAsync(request);
        await _ended.Task;
        Assert.That(Opened, Is.EqualTo(new[] { onMaster, onSlave }), () => $"{(int)response.StatusCode} {_app.Log.LastException}");
        Assert.That(Closed, Is.EqualTo(Opened));
    }

    [Test]
    public async Task Every_session_is_closed_when_the_client_went_away([Values("GET", "POST")] string verb)
    {
        using var abort = new CancellationTokenSource();
        using var request = new HttpRequestMessage(new HttpMethod(verb), "/waiting");
        var answer = _app.Client.SendAsync(request, abort.Token);
        await _handling.Task;
        await abort.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => answer);
        await _ended.Task;
        Assert.That(Opened.Sum(), Is.Positive);
        Assert.That(Closed, Is.EqualTo(Opened));
    }

    private ISessionFactory[] Factories
    {
        get
        {
            var factories = _app.Services.GetRequiredService<ReplicatedSessionFactories>();
            return [factories.Master, factories.Slave];
        }
    }

    private int[] Opened => [.. Factories.Select(f => (int)f.Statistics.SessionOpenCount)];

    private int[] Closed => [.. Factories.Select(f => (int)f.Statistics.SessionCloseCount)];

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
        // Inside the scope, which is the harder place: what runs again does so in the same scope.
        app.UseStatusCodePagesWithReExecute("/error");
        app.UseExceptionHandler("/error");
        app.MapMethods("/where", ["GET", "POST"], (IBoard board) => board.WhereAsync());
        app.MapPost("/nothing", () => "");
        app.MapPost("/both", async (IBoard board, IReplicatedSessions sessions, IServiceProvider services) =>
        {
            await board.WhereAsync();
            using (sessions.UseSlave())
            {
                await services.GetFreshBoard().WhereAsync();
            }
        });
        app.MapPost("/current", (ISession session, ISessionFactory factory, ReplicatedSessionFactories factories) =>
            ReferenceEquals(session, factory.GetCurrentSession()) && ReferenceEquals(session, factories.Slave.GetCurrentSession())
                ? Results.Ok()
                : throw new InvalidOperationException("not one session"));
        app.MapMethods("/never-injected", ["GET", "POST"], (ISessionFactory factory) => factory.GetCurrentSession().CreateSQLQuery("select 1").UniqueResult<int>());
        app.MapPost("/throw", async (IBoard board) =>
        {
            await board.AddAsync(Guid.NewGuid());
            throw new InvalidOperationException("on purpose");
        });
        app.MapPost("/broken", (IBoard board) => board.ExecuteAsync("insert into no_such_table values (1)"));
        app.MapPost("/failing-commit", (IBoard board) => board.AddOrphan(Guid.NewGuid()));
        app.MapGet("/missing", async (IBoard board) =>
        {
            await board.WhereAsync();
            return Results.NotFound();
        });
        app.MapMethods("/waiting", ["GET", "POST"], async (IBoard board, HttpContext context) =>
        {
            await board.WhereAsync();
            _handling.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        app.Map("/error", ([FromKeyedServices(FreshBoard.Key)] IBoard board) => board.WhereAsync());
    }
}
