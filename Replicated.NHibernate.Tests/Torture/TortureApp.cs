using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Failover;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>An application over a cluster of its own, each server behind a wire.</summary>
internal sealed class TortureApp : IAsyncDisposable
{
    public const int PoolSize = 24;
    public const string Header = "X-Request";

    private readonly ConcurrentDictionary<string, Exception> _thrown = new(StringComparer.Ordinal);
    private readonly int _patience;
    private TestApp _app = null!;
    private Counters _counters = null!;

    private TortureApp(PostgresCluster cluster, int patience) => (Cluster, _patience, Wires) = (cluster, patience, [.. cluster.Slaves.Prepend(cluster.Master).Select(TcpProxy.Start)]);

    public PostgresCluster Cluster { get; }

    /// <summary>The master's, then the slaves'.</summary>
    public TcpProxy[] Wires { get; }

    public Uri Address => _app.Client.BaseAddress!;

    public static async Task<TortureApp> StartAsync(UnitOfWork unit, int patience = 2, params (string Key, string Value)[] changed)
    {
        var cluster = await SharedCluster.StartWithSchema();
        await SharedCluster.Execute(cluster.Master, "create table entry (owner int, number int, primary key (owner, number))");
        await cluster.WaitForSlavesAsync();
        var app = new TortureApp(cluster, patience);
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = app.Through(0),
            ["ConnectionStrings:Slave"] = app.Through(1),
            ["Replicated:Slaves:0:Name"] = "slave-2",
            ["Replicated:Slaves:0:ConnectionString"] = app.Through(2),
            ["Replicated:MonotonicReads"] = "Exact",
            ["Replicated:RouteHeader"] = "true",
            ["Replicated:Probe:Interval"] = "00:00:00.5",
        };
        foreach (var (key, value) in changed)
        {
            settings[key] = value;
        }

        app._app = await TestApp.StartAsync(builder => unit.Register(builder.Services), app.Pipeline, cluster, settings, builder =>
        {
            builder.Services.AddBoardType();
            builder.Logging.ClearProviders();
        }, slaves: 0);
        app._counters = new Counters(app._app.Services.GetRequiredService<IMeterFactory>());
        return app;
    }

    public Exception? Thrown(string request) => _thrown.GetValueOrDefault(request);

    public long Repeated => _counters.Of("replicated.repeats");

    public Leftover Leftover(int openTransactions)
    {
        var registry = _app.Services.GetRequiredService<NodeRegistry>();
        return new(registry.Slaves.Append(registry.Master).Sum(n => n.InUse), (int)_counters.Of("replicated.fallbacks.active"), openTransactions);
    }

    /// <summary>Whether a connection that was in use ended, or a slave cancelled what ran.</summary>
    public static bool WasInFlight(Exception? thrown)
    {
        for (var e = thrown; e is not null; e = e.InnerException)
        {
            if (e is IOException or SocketException or TimeoutException or DbException { SqlState: "57P01" or "57P02" or "57P03" or "08006" or "40001" or "40P01" }
                || e.Message.Contains("was closed in the middle of its transaction", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _counters.Dispose();
        NpgsqlConnection.ClearAllPools();
        foreach (var wire in Wires)
        {
            await wire.DisposeAsync();
        }

        await Cluster.DisposeAsync();
    }

    private string Through(int index) => new NpgsqlConnectionStringBuilder(Wires[index].Through(Cluster.Master.ConnectionString))
    {
        Timeout = _patience,
        CommandTimeout = _patience,
        CancellationTimeout = -1,
        MaxPoolSize = PoolSize,
    }.ConnectionString;

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
                _thrown[context.Request.Headers[Header].ToString()] = e;
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        });
        app.UseRouting();
        app.UseReplicatedSessions();
        app.MapGet("/read/{owner:int}", async (HttpContext context, int owner) => await Read(context, owner, statements: 1));
        app.MapGet("/twice/{owner:int}", async (HttpContext context, int owner) => await Read(context, owner, statements: 2));
        app.MapPost("/write/{owner:int}/{number:int}", async (HttpContext context, int owner, int number) => await Write(context.RequestServices.NewBoard(), owner, number));
        app.MapGet("/block/{owner:int}/{number:int}", async (HttpContext context, int owner, int number) =>
        {
            using (context.RequestServices.GetRequiredService<IReplicatedSessions>().UseMaster())
            {
                await Write(context.RequestServices.NewBoard(), owner, number);
            }
        });
        app.MapPost("/hold", async (HttpContext context) => await context.RequestServices.NewBoard().ScalarAsync("select count(*) from pg_sleep(0.5)"));
    }

    private static Task Write(IBoard board, int owner, int number) => board.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"insert into entry values ({owner}, {number})"));

    private static async Task<string> Read(HttpContext context, int owner, int statements)
    {
        var board = context.RequestServices.NewBoard();
        var seen = new List<long>();
        for (var i = 0; i < statements; i++)
        {
            seen.Add(await board.ScalarAsync(string.Create(CultureInfo.InvariantCulture, $"select coalesce(max(number), 0) from entry where owner = {owner}")));
        }

        return string.Join(' ', seen);
    }
}
