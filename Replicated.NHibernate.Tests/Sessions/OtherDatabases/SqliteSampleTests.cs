using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Replicated.NHibernate.Tests.EndToEnd;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>The sample on one file, on a machine whose PostgreSQL it is not told of.</summary>
[Promise(5)]
internal sealed class SqliteSampleTests
{
    private SampleProcess _sample = null!;

    [OneTimeSetUp]
    public async Task Start() => _sample = await SampleProcess.StartAsync(("Database", "sqlite"), ("REPLICATED_PG_BIN", "/no/such/folder"));

    [OneTimeTearDown]
    public async Task Stop() => await _sample.DisposeAsync();

    [Test]
    public async Task Post_is_read_found_and_removed_again()
    {
        using var written = await _sample.Client.PostAsJsonAsync("/api/posts", new { title = "Hello", body = "World of 100%" });
        Assert.That(written.StatusCode, Is.EqualTo(HttpStatusCode.Created), _sample.Output);
        var post = await written.Content.ReadFromJsonAsync<JsonElement>();
        var read = await _sample.Client.GetFromJsonAsync<JsonElement>($"/api/posts/{post.GetProperty("id").GetInt64()}");
        using var found = await _sample.Client.PostAsJsonAsync("/api/posts/search", new { text = "100%" });
        using var missed = await _sample.Client.PostAsJsonAsync("/api/posts/search", new { text = "nowhere" });
        Assert.Multiple(async () =>
        {
            Assert.That(read.ToString(), Is.EqualTo(post.ToString()));
            Assert.That((await found.Content.ReadFromJsonAsync<JsonElement>()).GetArrayLength(), Is.EqualTo(1));
            Assert.That((await missed.Content.ReadFromJsonAsync<JsonElement>()).GetArrayLength(), Is.Zero);
        });
    }

    [Test]
    public async Task Page_says_that_there_is_no_slave()
    {
        using var page = await _sample.Client.GetAsync("/");
        Assert.That(await page.Content.ReadAsStringAsync(), Does.Contain("There is no slave (read replica)"), _sample.Output);
        Assert.That(page.Headers.GetValues("Replicated-Route").Single(), Is.EqualTo("role=master; node=master; reason=no-slave"));
    }
}
