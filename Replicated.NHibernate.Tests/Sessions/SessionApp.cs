using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What a request answered, and what was thrown in it, as the application's own error handling saw it.</summary>
internal sealed record Answer(HttpStatusCode Status, string Body, Exception? Thrown)
{
    public ConsistencyToken? Token { get; init; }

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    public Answer Ok()
    {
        Assert.That(IsSuccess, Is.True, $"{Status} {Body} {Thrown}");
        return this;
    }
}

/// <summary>
/// An application on the shop whose endpoints do what a test hands in: /run (GET and POST), /slave (POST with UseSlave), /master (GET with
/// UseMaster), /snapshot (GET and POST with UseSnapshot). Error handling stands outside the scope and keeps what it caught.
/// </summary>
internal sealed class SessionApp : IAsyncDisposable
{
    private const string Header = "X-Test";

    private readonly ConcurrentDictionary<string, Sent> _sent;
    private readonly TestApp _app;

    private SessionApp(TestApp app, ConcurrentDictionary<string, Sent> sent) => (_app, _sent) = (app, sent);

    public RecordedLog Log => _app.Log;

    public IServiceProvider Services => _app.Services;

    public ReplicatedSessionFactories Factories => Services.GetRequiredService<ReplicatedSessionFactories>();

    public static async Task<SessionApp> StartAsync(
        Dictionary<string, string?>? settings = null,
        Func<global::NHibernate.Cfg.Configuration>? configure = null,
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? map = null,
        int slaves = 2)
    {
        var sent = new ConcurrentDictionary<string, Sent>(StringComparer.Ordinal);
        Sent Of(HttpContext context) => sent[context.Request.Headers[Header].ToString()];
        Task<IResult> Run(HttpContext context) => Of(context).Work!(context);
        var app = await TestApp.StartAsync(
            builder =>
            {
                if (services is null || configure is not null)
                {
                    builder.Services.AddReplicatedNHibernate(configure ?? (() => Database.Configure().BuildConfiguration()));
                }

                services?.Invoke(builder.Services);
            },
            app =>
            {
                app.Use((context, next) => Keep(context, next, Of(context)));
                app.UseRouting();
                app.UseReplicatedSessions();
                app.MapMethods("/run", ["GET", "POST"], (Delegate)Run);
                app.MapPost("/slave", (Delegate)Run).UseSlave();
                app.MapGet("/master", (Delegate)Run).UseMaster();
                app.MapMethods("/snapshot", ["GET", "POST"], (Delegate)Run).UseSnapshot();
                map?.Invoke(app);
            },
            slaves > 0 || settings?.ContainsKey("ConnectionStrings:Master") != true ? Database.Cluster : null,
            settings,
            slaves: slaves);
        return new SessionApp(app, sent);
    }

    /// <summary>The answer, when the request has ended on the server too.</summary>
    public async Task<Answer> Send(HttpMethod method, string path, Func<HttpContext, Task<IResult>>? work = null)
    {
        using var request = new HttpRequestMessage(method, path);
        var id = Guid.NewGuid().ToString();
        request.Headers.Add(Header, id);
        var sent = _sent[id] = new Sent(work);
        using var response = await _app.Client.SendAsync(request);
        var body = await response.Content.ReadAsStringAsync();
        await sent.Ended.Task.WaitAsync(TimeSpan.FromSeconds(30));
        return new Answer(response.StatusCode, body, sent.Thrown)
        {
            Token = response.Headers.TryGetValues("Replicated-Token", out var token) ? token.Single().Split(',', StringSplitOptions.TrimEntries).Select(text => ConsistencyToken.Parse(text)).Aggregate(ConsistencyToken.Max) : null,
        };
    }

    public Task<Answer> Post(Func<HttpContext, Task<IResult>> work) => Send(HttpMethod.Post, "/run", work);

    public Task<Answer> Get(Func<HttpContext, Task<IResult>> work) => Send(HttpMethod.Get, "/run", work);

    /// <summary>A POST of the routed session that answers 200 with what the work returned.</summary>
    public Task<Answer> Post(Func<ISession, object?> work) => Post(context => Task.FromResult(Done(work(context.Session()))));

    /// <summary>A GET of the routed session that answers 200 with what the work returned.</summary>
    public Task<Answer> Get(Func<ISession, object?> work) => Get(context => Task.FromResult(Done(work(context.Session()))));

    public static IResult Done(object? result = null) => Results.Text(result?.ToString() ?? "");

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task Keep(HttpContext context, RequestDelegate next, Sent sent)
    {
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            sent.Thrown = e;
            if (context.Response.HasStarted)
            {
                throw;
            }

            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
        finally
        {
            sent.Ended.SetResult();
        }
    }

    private sealed class Sent(Func<HttpContext, Task<IResult>>? work)
    {
        public Func<HttpContext, Task<IResult>>? Work { get; } = work;

        public Exception? Thrown { get; set; }

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

internal static class RequestServices
{
    public static ISession Session(this HttpContext context) => context.RequestServices.Session();

    public static ISession Session(this IServiceProvider services) => services.GetRequiredService<ISession>();

    public static global::NHibernate.IStatelessSession Stateless(this HttpContext context) => context.RequestServices.GetRequiredService<global::NHibernate.IStatelessSession>();

    public static System.Data.Common.DbConnection Connection(this HttpContext context) => context.RequestServices.GetRequiredService<System.Data.Common.DbConnection>();

    /// <summary>The server's process that works for this session.</summary>
    public static int Backend(this ISession session) => session.CreateSQLQuery("select pg_backend_pid()").UniqueResult<int>();

    public static string Scalar(this ISession session, string sql) => session.CreateSQLQuery(sql).UniqueResult()?.ToString() ?? "";
}
