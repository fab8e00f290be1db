using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>
/// Many requests through Kestrel, 64 at a time, a tenth of them failing on purpose, and then the accounts: what is left in the application
/// and on the servers, and whether the rows on the master are those that were promised.
/// </summary>
internal sealed class LoadRun(UnitOfWork unit, int requests)
{
    public const string Title = "load";
    private const int Clients = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _name = $"load-{Guid.NewGuid():N}";
    private readonly ConcurrentDictionary<Guid, string> _sent = new();
    private readonly ConcurrentDictionary<string, int> _outcomes = new(StringComparer.Ordinal);
    private int _inFlight;

    /// <summary>What a POST with this id came to, in the client's eyes.</summary>
    public IReadOnlyDictionary<Guid, string> Sent => _sent;

    public IReadOnlyDictionary<string, int> Outcomes => _outcomes;

    public async Task<HashSet<Guid>> Run(Func<TestApp, Task>? whenDone = null)
    {
        await SharedCluster.Execute(SharedCluster.Master, $"delete from post where title = '{Title}'");
        await using var app = await TestApp.StartAsync(
            builder => unit.Register(builder.Services),
            Pipeline,
            build: builder =>
            {
                foreach (var key in new[] { "ConnectionStrings:Master", "ConnectionStrings:Slave", "Replicated:Slaves:0:ConnectionString" })
                {
                    builder.Configuration[key] = $"{builder.Configuration[key]};Application Name={_name};Maximum Pool Size=80";
                }

                builder.Logging.ClearProviders();
                builder.Services.AddControllers().ConfigureApplicationPartManager(parts => parts.FeatureProviders.Add(new OnlyThis()));
            });
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = app.Client.BaseAddress };
        await Parallel.ForEachAsync(Enumerable.Range(0, requests), new ParallelOptions { MaxDegreeOfParallelism = Clients }, (i, _) => Send(client, i));
        await Until(() => Task.FromResult(Volatile.Read(ref _inFlight) == 0), "requests are still running");
        await NothingIsLeft(app);
        if (whenDone is not null)
        {
            await whenDone(app);
        }

        return await OnMaster();
    }

    private void Pipeline(WebApplication app)
    {
        app.Use(async (HttpContext context, RequestDelegate next) =>
        {
            Interlocked.Increment(ref _inFlight);
            try
            {
                await next(context);
            }
            catch (Exception e) when (Exceptions.OnPurpose(e))
            {
                // As an application's error handling does.
                if (!context.Response.HasStarted)
                {
                    context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                }
            }
            finally
            {
                Interlocked.Decrement(ref _inFlight);
            }
        });
        app.UseRouting();
        app.UseReplicatedSessions();
        app.MapControllers();
        app.MapGet("/minimal/read", async (IBoard board) => (await board.WhereAsync()).InRecovery);
        app.MapGet("/minimal/fail-after", async (IBoard board) =>
        {
            await board.WhereAsync();
            throw new LoadException();
        });
        app.MapPost("/minimal/write/{id:guid}", async (Guid id, IBoard board) =>
        {
            await board.AddAsync(id, Title);
            return Results.Created($"/{id}", id);
        });
        app.MapPost("/minimal/answer-500/{id:guid}", async (Guid id, IBoard board) =>
        {
            await board.AddAsync(id, Title);
            return Results.StatusCode(StatusCodes.Status500InternalServerError);
        });
    }

    // One of ten fails; the kinds of failure take turns, and so do reading and writing, actions and minimal endpoints.
    private ValueTask Send(HttpClient client, int i) => (i % 10, i / 10 % 8) switch
    {
        (0, 0) => Post(client, "mvc/fail-before"),
        (0, 1) => Post(client, "mvc/fail-during"),
        (0, 2) => Post(client, "mvc/fail-after"),
        (0, 3) => Post(client, "mvc/fail-in-the-result"),
        (0, 4) => Get(client, "mvc/read-and-fail-in-the-result"),
        (0, 5) => Post(client, (i & 16) == 0 ? "mvc/write" : "minimal/write", TimeSpan.FromMicroseconds(i / 80 * 37 % 20_000)),
        (0, 6) => Get(client, "minimal/fail-after"),
        (0, _) => Post(client, "minimal/answer-500"),
        var (turn, _) => (turn % 4) switch
        {
            0 => Post(client, "mvc/write"),
            1 => Get(client, "mvc/read"),
            2 => Post(client, "minimal/write"),
            _ => Get(client, "minimal/read"),
        },
    };

    private async ValueTask Get(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Count($"GET {path}", response.StatusCode.ToString());
    }

    private async ValueTask Post(HttpClient client, string path, TimeSpan? abortAfter = null)
    {
        var id = Guid.NewGuid();
        var kind = abortAfter is null ? $"POST {path}" : $"POST {path}, aborted";
        using var abort = new CancellationTokenSource();
        try
        {
            if (abortAfter is { } time)
            {
                abort.CancelAfter(time);
            }

            using var response = await client.PostAsync(new Uri($"{path}/{id}", UriKind.Relative), content: null, abort.Token);
            _sent[id] = response.StatusCode == HttpStatusCode.Created ? "201" : kind;
            Count(kind, response.StatusCode.ToString());
        }
        catch (OperationCanceledException)
        {
            _sent[id] = "went away";
            Count(kind, "went away");
        }
    }

    private void Count(string kind, string outcome) => _outcomes.AddOrUpdate($"{kind}: {outcome}", 1, static (_, count) => count + 1);

    private async Task NothingIsLeft(TestApp app)
    {
        var pool = app.Services.GetRequiredService<NodePool>();
        Assert.That(pool.Slaves.Append(pool.Master).Select(n => n.InUse), Is.All.Zero, "connections that scopes still hold");
        Assert.That(AmbientScope.Current, Is.Null, "the ambient scope of a fresh flow");
        foreach (var node in SharedCluster.Cluster.Slaves.Append(SharedCluster.Master))
        {
            var busy = $"select count(*) from pg_stat_activity where application_name = '{_name}' and state <> 'idle'";
            await Until(async () => await SharedCluster.Ask<long>(node, busy) == 0, $"connections of {node.Name} are not idle");
        }
    }

    private static async Task<HashSet<Guid>> OnMaster()
    {
        await using var connection = new NpgsqlConnection(SharedCluster.Master.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"select id from post where title = '{Title}'", connection);
        await using var reader = await command.ExecuteReaderAsync();
        HashSet<Guid> found = [];
        while (await reader.ReadAsync())
        {
            found.Add(reader.GetGuid(0));
        }

        return found;
    }

    private static async Task Until(Func<Task<bool>> condition, string complaint)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            Assert.That(deadline.IsCancellationRequested, Is.False, string.Create(CultureInfo.InvariantCulture, $"After {Patience.TotalSeconds} s {complaint}."));
            await Task.Delay(10);
        }
    }

    private sealed class OnlyThis : IApplicationFeatureProvider<ControllerFeature>
    {
        public void PopulateFeature(IEnumerable<ApplicationPart> parts, ControllerFeature feature)
        {
            feature.Controllers.Clear();
            feature.Controllers.Add(System.Reflection.IntrospectionExtensions.GetTypeInfo(typeof(LoadController)));
        }
    }
}

internal static class Exceptions
{
    /// <summary>What the load makes happen: its own exception, the statement that fails, the client that went away.</summary>
    public static bool OnPurpose(Exception e) =>
        e is LoadException or OperationCanceledException || e.GetBaseException() is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable } or OperationCanceledException;
}
