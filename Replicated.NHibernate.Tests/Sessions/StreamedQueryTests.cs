using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>An NHibernate query whose entities are written to the response one by one: it begins in the middle of the query.</summary>
[Promise(9)]
internal sealed class StreamedQueryTests
{
    private readonly string _title = $"streamed {Guid.NewGuid()}";
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await SharedCluster.Execute(SharedCluster.Master, $"insert into post (id, title) select gen_random_uuid(), '{_title}' from generate_series(1, 100)");
        await SharedCluster.Cluster.WaitForSlavesAsync();
        _app = await TestApp.StartAsync(UnitOfWork.All.First(u => u.Name == "NHibernate"), app => app.MapMethods("/posts", ["GET", "POST"], Posts));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task The_query_goes_on_when_the_response_has_begun([Values("GET", "POST")] string verb)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), $"/posts?title={Uri.EscapeDataString(_title)}");
        using var response = await _app.Client.SendAsync(request);
        Assert.That(response.IsSuccessStatusCode, Is.True, () => $"{_app.Log.LastException}");
        Assert.That((await response.Content.ReadAsStringAsync()).Split('\n').ToArray(), Has.Length.EqualTo(101), () => $"{_app.Log.LastException}");
    }

    private static async Task Posts(string title, ISession session, HttpContext context)
    {
        foreach (var post in session.CreateQuery("from Post p where p.Title = :title").SetString("title", title).Enumerable<Post>())
        {
            await context.Response.WriteAsync($"{post.Id} {post.Title}\n");
            await context.Response.Body.FlushAsync();
        }
    }
}
