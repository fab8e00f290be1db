using System.Net.ServerSentEvents;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Status;

/// <summary>Open status pages.</summary>
[Promise(15)]
internal sealed class StatusFeedTests
{
    private const int Pages = 100;

    [Test]
    public async Task An_open_page_is_told_what_changes()
    {
        await using var app = await StatusEndpointTests.Start(app => app.MapReplicatedStatus());
        await using var page = await Open(app);
        Assert.That(await page.Next(), Does.Contain("on: requests that only read go to slaves"));
        app.Reload("Replicated:AutoReadOnSlave", "false");
        await page.Until("off: only what asks for a slave explicitly gets one");
    }

    [Test]
    public async Task A_hundred_open_pages_hold_no_database_connection()
    {
        await using var cluster = await SharedCluster.StartWithSchema(slaves: 1);
        await using var app = await StatusEndpointTests.Start(app => app.MapReplicatedStatus(), cluster: cluster);
        await using (var first = await Open(app))
        {
            // All servers have been asked, so the connections that asking keeps are there.
            await first.Until("Every server can be used.");
        }

        var before = await Connections(cluster);
        var pages = await Task.WhenAll(Enumerable.Range(0, Pages).Select(_ => Open(app)));
        for (var i = 0; i < 3; i++)
        {
            await Task.WhenAll(pages.Select(p => p.Next()));
        }

        // What asking kept open may have ended meanwhile; nothing may have come.
        Assert.That((await Connections(cluster)).Zip(before, (now, then) => now - then), Is.All.LessThanOrEqualTo(0));
        foreach (var page in pages)
        {
            await page.DisposeAsync();
        }
    }

    [Test]
    public async Task An_open_page_ends_in_order_when_the_application_stops()
    {
        var app = await StatusEndpointTests.Start(app => app.MapReplicatedStatus());
        await using var page = await Open(app);
        await page.Next();
        await app.StopAsync();
        Assert.That(await page.Rest(), Is.True);
        await app.DisposeAsync();
    }

    // Of both servers, without the one that asks.
    private static async Task<long[]> Connections(Sample.Cluster.PostgresCluster cluster)
    {
        NpgsqlConnection.ClearAllPools();
        const string question = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
        return [await SharedCluster.Ask<long>(cluster.Master, question), await SharedCluster.Ask<long>(cluster.Slaves[0], question)];
    }

    private static async Task<OpenPage> Open(TestApp app)
    {
        var answer = await app.Client.GetAsync("/replicated/events", HttpCompletionOption.ResponseHeadersRead);
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/event-stream"));
        return new OpenPage(answer, SseParser.Create(await answer.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator());
    }

    private sealed class OpenPage(HttpResponseMessage answer, IAsyncEnumerator<SseItem<string>> events) : IAsyncDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

        public async Task<string> Next()
        {
            Assert.That(await events.MoveNextAsync().AsTask().WaitAsync(Patience), Is.True, "the page was closed");
            return events.Current.Data;
        }

        public async Task Until(string text)
        {
            while (!(await Next()).Contains(text, StringComparison.Ordinal))
            {
            }
        }

        /// <summary>Reads to the end; false where the connection was cut instead.</summary>
        public async Task<bool> Rest()
        {
            try
            {
                while (await events.MoveNextAsync().AsTask().WaitAsync(Patience))
                {
                }

                return true;
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException)
            {
                return false;
            }
        }

        public async ValueTask DisposeAsync()
        {
            answer.Dispose();
            try
            {
                await events.DisposeAsync();
            }
            catch (IOException)
            {
                // The stream has gone with the answer.
            }
        }
    }
}
