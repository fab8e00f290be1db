using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>
/// 64 clients through Kestrel, each with cookies of its own and one thing at a time: it writes, and 0 to 500 ms later reads what it
/// wrote, by key, in a list, by count, or at once behind a redirect.
/// </summary>
internal sealed class PairRun(TestApp app, IReplayWatch watch, int writes, int readsAfterEach = 1)
{
    private const int Clients = 64;
    private const int LongestPause = 500;
    private static readonly string[] Ways = ["key", "list", "count", "redirect"];

    private readonly PairCounts _counts = new();
    private readonly string _name = Guid.NewGuid().ToString("N")[..8];
    private int _begun;

    /// <summary>The lists and counts are of one client's posts among those of all.</summary>
    public const string Index = "create index post_of_client on post (title, id)";

    public static void Map(WebApplication app)
    {
        app.MapPost("/pairs/{client}/{id:guid}", async (string client, Guid id, bool? redirect, HttpContext context, IBoard board) =>
        {
            await board.AddAsync(id, client);
            context.Response.Headers.Location = $"/pairs/{client}/{id}/key";
            return Results.StatusCode(redirect == true ? StatusCodes.Status303SeeOther : StatusCodes.Status201Created);
        });
        app.MapGet("/pairs/{client}/{id:guid}/{way}", async (string client, Guid id, string way, IBoard board) =>
        {
            var seen = way switch
            {
                "count" => await board.ScalarAsync($"select count(*) from post where title = '{client}'"),
                "list" => await board.ScalarAsync($"select count(*) from (select id from post where title = '{client}' order by id desc limit 20) newest where id = '{id}'"),
                _ => await board.HasAsync(id) ? 1 : 0,
            };
            return $"{seen} {(await board.WhereAsync()).InRecovery}";
        });
    }

    public async Task<PairCounts> Run()
    {
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(Client));
        return _counts;
    }

    private async Task Client(int number)
    {
        // The same pauses in each run.
        var random = new Random(number);
        var name = string.Create(CultureInfo.InvariantCulture, $"{_name}-{number}");
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = app.Client.BaseAddress };
        for (var written = 1; Interlocked.Increment(ref _begun) <= writes; written++)
        {
            var id = Guid.CreateVersion7();
            var way = Ways[(number + written) % Ways.Length];
            var isRedirect = way == "redirect";
            using var answer = await client.PostAsync(new Uri($"/pairs/{name}/{id}?redirect={isRedirect}", UriKind.Relative), content: null);
            _counts.NoteWrite();
            if (answer.StatusCode != (isRedirect ? HttpStatusCode.SeeOther : HttpStatusCode.Created))
            {
                _counts.NoteFailure($"POST: {answer.StatusCode}");
                return;
            }

            ConsistencyToken? token = answer.Headers.TryGetValues("Replicated-Token", out var told) ? ConsistencyToken.Parse(told.Single()) : null;
            for (var read = 0; read < readsAfterEach; read++)
            {
                if (!isRedirect || read > 0)
                {
                    await Task.Delay(random.Next(LongestPause + 1));
                }

                await Read(client, isRedirect ? answer.Headers.Location! : new Uri($"/pairs/{name}/{id}/{way}", UriKind.Relative), way == "count" ? written : 1, token);
            }
        }
    }

    private async Task Read(HttpClient client, Uri path, int wanted, ConsistencyToken? token)
    {
        // Known before the read begins, from the slaves themselves.
        var slaveHadIt = token is { } written && watch.HasPassed(written);
        using var answer = await client.GetAsync(path);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            _counts.NoteFailure($"GET: {answer.StatusCode}");
            return;
        }

        var words = (await answer.Content.ReadAsStringAsync()).Split(' ');
        var (seen, isSlave) = (long.Parse(words[0], CultureInfo.InvariantCulture), bool.Parse(words[1]));
        _counts.NoteRead(new PairRead(seen != wanted, !isSlave, slaveHadIt));
    }
}
