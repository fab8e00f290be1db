using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>GET after POST on the sample, with its own switches: both slaves stand still.</summary>
[Promise(10)]
internal sealed partial class SampleTokenTests
{
    private SampleProcess _sample = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _sample = await SampleProcess.StartAsync();
        await Press("/replication/slave-1/pause");
        await Press("/replication/slave-2/pause");
    }

    [OneTimeTearDown]
    public async Task Stop() => await _sample.DisposeAsync();

    [TearDown]
    public Task TurnTokensOn() => Press("/tokens/on");

    [Test]
    public async Task Who_wrote_reads_it_on_the_master_while_no_slave_has_it_and_others_do_not()
    {
        using var writer = Client();
        var path = await Write(writer, "only for its writer");
        using var mine = await writer.GetAsync(path);
        using var other = Client();
        using var theirs = await other.GetAsync(path);

        Assert.That((mine.StatusCode, SampleTests.RouteOf(mine)), Is.EqualTo((HttpStatusCode.OK, "role=slave; node=master; reason=token")));
        Assert.That(theirs.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(SampleTests.RouteOf(theirs), Does.Match("^role=slave; node=slave-[12]; reason=verb$"));
    }

    [Test]
    public async Task The_switch_of_the_page_turns_tokens_off_and_on_while_it_runs()
    {
        using var writer = Client();
        var path = await Write(writer, "now and then");
        var statuses = new List<HttpStatusCode>();
        foreach (var turned in new[] { "/tokens/off", "/tokens/on" })
        {
            await Press(turned);
            using var answer = await writer.GetAsync(path);
            statuses.Add(answer.StatusCode);
        }

        Assert.That(statuses, Is.EqualTo(new[] { HttpStatusCode.NotFound, HttpStatusCode.OK }));
    }

    [Test]
    public async Task The_page_shows_the_token_that_the_browser_carries()
    {
        using var writer = Client();
        using var before = await writer.GetAsync("/");
        var written = await writer.PostAsJsonAsync("/api/posts", new { title = "tokened" });
        var token = written.Headers.GetValues("Replicated-Token").Single();
        var page = await writer.GetStringAsync("/");

        Assert.That(await before.Content.ReadAsStringAsync(), Does.Contain("You carry none"));
        Assert.That(page, Does.Contain(token).And.Contain("No slave has that yet, so the master answered."));
    }

    [Test]
    public async Task Slaves_that_lag_by_more_than_MaxLag_are_named_as_the_reason_and_the_missing_post_is_there()
    {
        await using var sample = await SampleProcess.StartAsync(("Replicated__MaxLag", "00:00:01"));
        await Press("/tokens/off", sample);
        await Press("/replication/slave-1/pause", sample);
        await Press("/replication/slave-2/pause", sample);
        using (await sample.Client.PostAsJsonAsync("/api/posts", new { title = "on the master" }))
        {
        }

        await using var events = await sample.Client.GetStreamAsync("/replicated/events");
        using var reader = new StreamReader(events);
        while (await reader.ReadLineAsync() is { } line && !line.Contains("No slave can be used", StringComparison.Ordinal))
        {
        }

        var page = await sample.Client.GetStringAsync("/");
        Assert.That(page, Does.Contain("<strong>master</strong>").And.Contain("no slave could be used. slave-1 is Lagging").And.Contain("on the master"));
    }

    [Test]
    public async Task Load_ends_by_itself_and_leaves_no_post_and_nobody_misses_their_own()
    {
        await Press("/load");
        await using var events = await _sample.Client.GetStreamAsync("/replicated/events");
        using var reader = new StreamReader(events);
        var page = "";
        while (!page.Contains("The load has ended.", StringComparison.Ordinal))
        {
            // One a second, as long as the sample runs.
            Assert.That(await reader.ReadLineAsync(), Is.Not.Null);
            page = await _sample.Client.GetStringAsync("/");
        }

        var counts = Regex.Match(page, @"(\d+) requests were answered, (\d+) failed\.\s+Of (\d+) posts, (\d+) were missing");
        Assert.That(int.Parse(counts.Groups[3].Value), Is.GreaterThan(10));
        Assert.That((counts.Groups[2].Value, counts.Groups[4].Value), Is.EqualTo(("0", "0")));
        Assert.That(await _sample.Client.GetStringAsync("/moderation"), Does.Not.Contain("A post of the load"));
    }

    private static async Task<Uri> Write(HttpClient client, string title)
    {
        using var written = await client.PostAsJsonAsync("/api/posts", new { title });
        var post = await written.Content.ReadFromJsonAsync<JsonElement>();
        return new Uri($"/api/posts/{post.GetProperty("id").GetInt64()}", UriKind.Relative);
    }

    /// <summary>A person's browser: cookies of its own.</summary>
    private HttpClient Client(SampleProcess? sample = null) =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = (sample ?? _sample).Client.BaseAddress };

    /// <summary>Sends one of the page's forms.</summary>
    private async Task Press(string path, SampleProcess? sample = null)
    {
        using var client = Client(sample);
        var token = Token.Match(await client.GetStringAsync("/")).Groups[1].Value;
        using var form = new FormUrlEncodedContent([new("__RequestVerificationToken", token)]);
        using var answer = await client.PostAsync(path, form);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), path);
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\"[^>]*value=\"([^\"]+)\"")]
    private static partial Regex Token { get; }
}
