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
    public Mark? Mark { get; init; }

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

    private readonly ConcurrentDictionary<string, Func<HttpContext, Task<IResult>>> _work;
    private readonly ConcurrentDictionary<string, Exception> _thrown;
    private readonly TestApp _app;

    private SessionApp(TestApp app, ConcurrentDictionary<string, Func<HttpContext, Task<IResult>>> work, ConcurrentDictionary<string, Exception> thrown) =>
        (_app, _work, _thrown) = (app, work, thrown);

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
        var work = new ConcurrentDictionary<string, Func<HttpContext, Task<IResult>>>(StringComparer.Ordinal);
        var thrown = new ConcurrentDictionary<string, Exception>(StringComparer.Ordinal);
        Task<IResult> Run(HttpContext context) => work[context.Request.Headers[Header].ToString()](context);
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
                app.Use((context, next) => Keep(context, next, thrown));
                app.UseRouting();
                app.UseReplicatedSessions();
                app.MapMethods("/run", ["GET", "POST"], (Delegate)Run);
                app.MapPost("/slave", (Delegate)Run).UseSlave();
                app.MapGet("/master", (Delegate)Run).UseMaster();
                app.MapMethods("/snapshot", ["GET", "POST"], (Delegate)Run).UseSnapshot();
                map?.Invoke(app);
            },
            Database.Cluster,
            settings,
            slaves: slaves);
        return new SessionApp(app, work, thrown);
    }

    public async Task<Answer> Send(HttpMethod method, string path, Func<HttpContext, Task<IResult>>? work = null)
    {
        using var request = new HttpRequestMessage(method, path);
        var id = Guid.NewGuid().ToString();
        request.Headers.Add(Header, id);
        if (work is not null)
        {
            _work[id] = work;
        }

        using var response = await _app.Client.SendAsync(request);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), _thrown.GetValueOrDefault(id))
        {
            Mark = response.Headers.TryGetValues("Replicated-Mark", out var mark) ? Mark.Parse(mark.Single()) : null,
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

    private static async Task Keep(HttpContext context, RequestDelegate next, ConcurrentDictionary<string, Exception> thrown)
    {
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            thrown[context.Request.Headers[Header].ToString()] = e;
            if (context.Response.HasStarted)
            {
                throw;
            }

            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
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
