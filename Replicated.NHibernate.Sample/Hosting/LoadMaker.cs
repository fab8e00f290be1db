using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>What a load came to.</summary>
/// <param name="Requests">That were answered.</param>
/// <param name="Failed">That were not answered, or with an error of the server.</param>
/// <param name="Written">Posts that were written and looked for by their writer.</param>
/// <param name="Missing">Of them, those that the writer did not find.</param>
/// <param name="IsRunning">Whether it still runs.</param>
internal sealed record LoadResult(int Requests, int Failed, int Written, int Missing, bool IsRunning);

/// <summary>A few people who write, look for their post, read and take the post away again. It ends by itself. Thread-safe.</summary>
internal sealed class LoadMaker(IServer server, IHostApplicationLifetime life)
{
    private const int People = 4;
    private const int Reads = 8;
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);

    private int _running;
    private int _requests;
    private int _failed;
    private int _written;
    private int _missing;

    public LoadResult Result => new(_requests, _failed, _written, _missing, _running != 0);

    /// <summary>Does nothing while one runs.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _running, 1) == 0)
        {
            (_requests, _failed, _written, _missing) = (0, 0, 0, 0);
            _ = Run();
        }
    }

    private async Task Run()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(life.ApplicationStopping);
        end.CancelAfter(Length);
        await Task.WhenAll(Enumerable.Range(0, People).Select(_ => Person(end.Token)));
        Volatile.Write(ref _running, 0);
    }

    private async Task Person(CancellationToken end)
    {
        using var client = new HttpClient { BaseAddress = Address() };
        while (!end.IsCancellationRequested)
        {
            try
            {
                await Visit(client, end);
            }
            catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
            {
                Interlocked.Add(ref _failed, end.IsCancellationRequested ? 0 : 1);
            }
        }
    }

    private async Task Visit(HttpClient client, CancellationToken end)
    {
        using var answer = await client.PostAsJsonAsync("/api/posts", new { title = "A post of the load" }, end);
        Count(answer);
        if (answer is not { StatusCode: HttpStatusCode.Created, Headers.Location: { } post })
        {
            await Task.Delay(Pace, end);
            return;
        }

        try
        {
            using var found = await client.GetAsync(post, end);
            Count(found);
            Interlocked.Increment(ref _written);
            Interlocked.Add(ref _missing, found.StatusCode == HttpStatusCode.NotFound ? 1 : 0);
            for (var i = 0; i < Reads; i++)
            {
                await Task.Delay(Pace, end);
                using var read = await client.GetAsync("/api/posts?count=10", end);
                Count(read);
            }
        }
        finally
        {
            // Also when the time is up: the board is left as it was.
            using var removed = await client.DeleteAsync(post, CancellationToken.None);
            Count(removed);
        }
    }

    private void Count(HttpResponseMessage answer)
    {
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _failed, (int)answer.StatusCode >= 500 ? 1 : 0);
    }

    // The first address, which may name every interface.
    private Uri Address()
    {
        var address = server.Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new Uri(address.Replace("*", "127.0.0.1", StringComparison.Ordinal).Replace("+", "127.0.0.1", StringComparison.Ordinal)
            .Replace("[::]", "127.0.0.1", StringComparison.Ordinal).Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal));
    }
}
