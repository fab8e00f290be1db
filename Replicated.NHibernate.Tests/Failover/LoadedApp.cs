using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>An application that its clients never leave alone, over a cluster whose servers a test may break.</summary>
internal sealed class LoadedApp : IAsyncDisposable
{
    /// <summary>Longer than a probe needs to notice a slave that hangs, so that it is seen who noticed it.</summary>
    public const int CommandTimeoutSeconds = 4;

    /// <summary>Longer than a probe needs as well. The provider waits as long again for its request to cancel what took too long.</summary>
    public const int TimeoutSeconds = 3;

    private readonly ConcurrentDictionary<int, Visit> _visits = new();
    private readonly ChangingSettings _settings = new();
    private readonly Dictionary<string, string?> _given;
    private readonly Func<PostgresNode, string> _connect;
    private TestApp _app = null!;
    private SteadyLoad _load = null!;
    private int _beside;

    private LoadedApp(PostgresCluster cluster, Dictionary<string, string?>? settings, Func<PostgresNode, string>? connect) =>
        (Cluster, _given, _connect) = (cluster, settings ?? [], connect ?? (node => node.ConnectionString));

    public PostgresCluster Cluster { get; }

    public NodeLog Nodes { get; } = new();

    public Counters Counted { get; private set; } = null!;

    public Happenings<Visit> Visits => _load.Visits;

    public static string Impatient(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString)
    {
        Timeout = TimeoutSeconds,
        CommandTimeout = CommandTimeoutSeconds,
        // Whoever hangs does not answer a request to cancel either.
        CancellationTimeout = -1,
    }.ConnectionString;

    /// <param name="connect">Where another address leads to a server; otherwise its own.</param>
    public static async Task<LoadedApp> StartAsync(
        UnitOfWork unit,
        PostgresCluster cluster,
        Dictionary<string, string?>? settings = null,
        Func<PostgresNode, string>? connect = null,
        bool writes = true,
        bool oneStatement = false,
        params (PostgresNode Node, int Weight)[] slaves)
    {
        var app = new LoadedApp(cluster, settings, connect);
        app.Use(slaves.Length > 0 ? slaves : [.. cluster.Slaves.Select(s => (s, 1))]);
        app._app = await TestApp.StartAsync(builder => unit.Register(builder.Services), app.Pipeline, cluster, build: app.Build, slaves: 0);
        app.Counted = new Counters(app._app.Services.GetRequiredService<IMeterFactory>());
        app._load = SteadyLoad.Start(app.Send, writes, oneStatement);
        return app;
    }

    /// <summary>From now on, without restart, these are the slaves.</summary>
    public void Use(params (PostgresNode Node, int Weight)[] slaves)
    {
        var settings = new Dictionary<string, string?>(_given);
        settings.TryAdd("ConnectionStrings:Master", Impatient(_connect(Cluster.Master)));
        for (var i = 0; i < slaves.Length; i++)
        {
            settings[$"Replicated:Slaves:{i}:Name"] = slaves[i].Node.Name;
            settings[$"Replicated:Slaves:{i}:Weight"] = slaves[i].Weight.ToString(CultureInfo.InvariantCulture);
            settings[$"Replicated:Slaves:{i}:ConnectionString"] = Impatient(_connect(slaves[i].Node));
        }

        _settings.Become(settings);
    }

    /// <summary>Until so many requests that begin from now on have been answered well.</summary>
    public Task More(int requests) => _load.More(requests);

    /// <summary>A read beside the load that stays between its statements until it is let go; done is when its client has the answer.</summary>
    public (Visit Visit, Task Done) Begin(Task held)
    {
        var visit = new Visit(Interlocked.Decrement(ref _beside), isWrite: false) { Held = held };
        return (visit, Send(visit));
    }

    /// <summary>Ends the load; everything that was asked for.</summary>
    public Task<Visit[]> Stop() => _load.Stop();

    public async ValueTask DisposeAsync()
    {
        await _load.Stop();
        await _app.DisposeAsync();
        Counted.Dispose();
        NpgsqlConnection.ClearAllPools();
    }

    private async Task Send(Visit visit)
    {
        _visits[visit.Number] = visit;
        try
        {
            using var request = new HttpRequestMessage(visit.IsWrite ? HttpMethod.Post : HttpMethod.Get, $"/visit/{visit.Number}");
            using var answer = await _app.Client.SendAsync(request);
            visit.End(answer);
        }
        catch (HttpRequestException)
        {
            visit.End(answer: null);
        }
        finally
        {
            _visits.TryRemove(visit.Number, out _);
        }
    }

    private void Build(WebApplicationBuilder builder)
    {
        ((IConfigurationBuilder)builder.Configuration).Add(_settings);
        builder.Logging.ClearProviders().AddProvider(Nodes).SetMinimumLevel(LogLevel.Information);
    }

    private void Pipeline(WebApplication app)
    {
        app.Use(async (HttpContext context, RequestDelegate next) =>
        {
            try
            {
                await next(context);
            }
            catch (Exception e)
            {
                // As an application's error handling does, and whatever it is, the commit's failure included.
                _visits[Number(context)].Thrown = e;
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        });
        app.UseRouting();
        app.UseReplicatedSessions();
        app.MapGet("/visit/{number:int}", Run);
        app.MapPost("/visit/{number:int}", Run);
    }

    private Task Run(HttpContext context) => _visits[Number(context)].Run(
        context.RequestServices.GetRequiredService<IBoard>(),
        context.RequestServices.GetRequiredService<DbConnection>(),
        context.RequestServices.GetRequiredService<IReplicatedSessions>());

    private static int Number(HttpContext context) => int.Parse((string)context.GetRouteValue("number")!, CultureInfo.InvariantCulture);
}
