using System.Data.Common;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NHibernate;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>GetCurrentSession() and injected sessions where a request has no scope, no scope yet, or none any more.</summary>
internal sealed class CurrentSessionInRequestsTests
{
    private static readonly UnitOfWork Unit = UnitOfWork.All.First(u => u.Name == "NHibernate");

    private static readonly Dictionary<string, Func<IServiceProvider, object>> Ways = new()
    {
        ["GetCurrentSession of the master's factory"] = s => s.GetRequiredService<ReplicatedSessionFactories>().Master.GetCurrentSession(),
        ["GetCurrentSession of the slave's factory"] = s => s.GetRequiredService<ReplicatedSessionFactories>().Slave.GetCurrentSession(),
        ["ISession"] = s => s.GetRequiredService<ISession>(),
        ["IStatelessSession"] = s => s.GetRequiredService<IStatelessSession>(),
        ["DbConnection"] = s => s.GetRequiredService<DbConnection>(),
    };

    private static readonly string[] Names = [.. Ways.Keys];

    [Test, Promise(15)]
    public async Task Authentication_ahead_of_the_scope_is_told_which_line_is_missing([ValueSource(nameof(Names))] string way)
    {
        await using var app = await StartWithAuthentication(way, written: false);
        using var response = await app.Client.GetAsync(new Uri("/where", UriKind.Relative));
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(
            app.Log.LastException,
            Is.TypeOf<InvalidOperationException>().With.Message.Contains("app.UseReplicatedSessions()").And.Message.Contains("UseAuthentication must be written out"));
    }

    [Test, Promise(2)]
    public async Task Authentication_written_out_after_the_scope_gets_the_requests_own([ValueSource(nameof(Names))] string way)
    {
        await using var app = await StartWithAuthentication(way, written: true);
        Assert.That(await app.Get<bool>("/where"), Is.True, "the same as the endpoint's");
    }

    [Test, Promise(9)]
    public async Task A_forgotten_task_is_told_which_request_has_ended([ValueSource(nameof(Names))] string way)
    {
        var (ended, found) = (new TaskCompletionSource(), new TaskCompletionSource<object>());
        await using var app = await TestApp.StartAsync(Unit, app => app.MapPost("/forgetting", (HttpContext context) =>
        {
            var services = app.Services;
            _ = Forget(way.StartsWith("Get", StringComparison.Ordinal) ? services : context.RequestServices.GetRequiredService<Held>().Services);
            return Results.Ok();

            async Task Forget(IServiceProvider provider)
            {
                await ended.Task;
                try
                {
                    found.SetResult(Ways[way](provider));
                }
                catch (Exception e)
                {
                    found.SetResult(e);
                }
            }
        }), build: builder => builder.Services.AddScoped<Held>());
        using var response = await app.Client.PostAsync("/forgetting", content: null);
        ended.SetResult();
        Assert.That(await found.Task, Is.InstanceOf<ObjectDisposedException>().With.Message.StartsWith("Endpoint POST /forgetting").And.Message.Contains("BeginScope")
            .Or.InstanceOf<ObjectDisposedException>().With.Message.Contains("IServiceProvider"));
    }

    [Test, Promise(9)]
    public async Task A_streaming_hub_method_has_a_current_session_until_its_stream_ends()
    {
        await using var app = await TestApp.StartAsync(Unit, app => app.MapHub<StreamingHub>("/hub"), build: builder => builder.Services.AddSignalR(o => o.EnableDetailedErrors = true));
        await using var client = await HubClient.ConnectAsync(app.Client.BaseAddress!, "hub");
        Assert.That(await client.Stream<bool>("Places"), Is.EqualTo(new[] { true, true, true }));
    }

    [Test, Promise(5)]
    public void A_second_registration_is_refused_whichever_it_is()
    {
        Action<IServiceCollection>[] ways =
        [
            s => s.AddReplicatedNHibernate(Board.Configure),
            s => s.AddReplicatedConnections(NpgsqlFactory.Instance),
        ];
        foreach (var first in ways)
        {
            foreach (var second in ways)
            {
                var services = new ServiceCollection();
                first(services);
                Assert.That(() => second(services), Throws.InvalidOperationException.With.Message.Contains("registered already"));
            }
        }
    }

    private static Task<TestApp> StartWithAuthentication(string way, bool written) => TestApp.StartAsync(
        builder => Unit.Register(builder.Services),
        app =>
        {
            app.UseRouting();
            app.UseReplicatedSessions();
            if (written)
            {
                app.UseAuthentication();
            }

            app.MapGet("/where", (HttpContext context) => Results.Json(ReferenceEquals(context.Items["before-routing"], Ways[way](context.RequestServices))));
        },
        build: builder =>
        {
            builder.Services.AddSingleton(new Way(way));
            builder.Services.AddAuthentication("users").AddScheme<AuthenticationSchemeOptions, UsersHandler>("users", _ => { });
        });

    private sealed record Way(string Name);

    private sealed class Held(IServiceProvider services)
    {
        public IServiceProvider Services => services;
    }

    private sealed class UsersHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, Microsoft.Extensions.Logging.ILoggerFactory loggers, UrlEncoder encoder, Way way)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            Context.Items["before-routing"] = Ways[way.Name](Context.RequestServices);
            return Task.FromResult(AuthenticateResult.NoResult());
        }
    }

    [UseSlave]
    private sealed class StreamingHub(ISessionFactory factory) : Hub
    {
        public async IAsyncEnumerable<bool> Places()
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.Yield();
                yield return await factory.GetCurrentSession().CreateSQLQuery("select pg_is_in_recovery()").UniqueResultAsync<bool>();
            }
        }
    }
}
