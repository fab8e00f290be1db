using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>The sample's contract, over a real HTTP client.</summary>
internal sealed class SampleTests
{
    private SampleProcess _sample = null!;

    [OneTimeSetUp]
    public async Task Start() => _sample = await SampleProcess.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _sample.DisposeAsync();

    [Test, Promise(1)]
    public async Task A_get_is_answered_by_a_slave_and_says_so()
    {
        using var response = await _sample.Client.GetAsync("/api/posts");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(RouteOf(response), Does.Match("^role=slave; node=slave-[12]; reason=verb$"));
    }

    [Test, Promise(1)]
    public async Task A_post_is_answered_by_the_master_with_201_and_the_post()
    {
        using var response = await _sample.Client.PostAsJsonAsync("/api/posts", new { title = "Hello", body = "World" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(RouteOf(response), Is.EqualTo("role=master; node=master; reason=verb"));
        var post = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(post.GetProperty("title").GetString(), Is.EqualTo("Hello"));
        Assert.That(response.Headers.Location?.ToString(), Does.EndWith($"/api/posts/{post.GetProperty("id").GetInt64()}"));
    }

    [Test, Promise(3)]
    public async Task A_post_that_only_searches_is_answered_by_a_slave()
    {
        using var response = await _sample.Client.PostAsJsonAsync("/api/posts/search", new { text = "x" });
        Assert.That(RouteOf(response), Does.Match("^role=slave; node=slave-[12]; reason=attribute$"));
    }

    [Test, Promise(2)]
    public async Task A_get_that_moderates_is_answered_by_the_master()
    {
        using var response = await _sample.Client.GetAsync("/moderation");
        Assert.That(RouteOf(response), Is.EqualTo("role=master; node=master; reason=attribute"));
    }

    [Test]
    public async Task A_missing_title_is_a_400_that_names_it()
    {
        using var response = await _sample.Client.PostAsJsonAsync("/api/posts", new { body = "World" });
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("title"));
    }

    [Test]
    public async Task Every_answer_says_its_route([Values("/", "/api/posts", "/api/posts/999999", "/replication", "/nowhere", "/board.css")] string path)
    {
        using var response = await _sample.Client.GetAsync(path);
        Assert.That(RouteOf(response), Does.StartWith("role="));
    }

    [Test]
    public async Task Replication_names_each_server_with_role_state_and_lag()
    {
        var servers = await _sample.Client.GetFromJsonAsync<JsonElement[]>("/replication");
        Assert.That(
            servers!.Select(s => (s.GetProperty("name").GetString(), s.GetProperty("role").GetString(), s.GetProperty("state").GetString())),
            Is.EqualTo(new[] { ("master", "master", "up"), ("slave-1", "slave", "up"), ("slave-2", "slave", "up") }));
        Assert.That(servers!.All(s => s.TryGetProperty("lag", out _)), Is.True);
    }

    [Test, Promise(15)]
    public async Task Its_health_is_what_is_known_of_the_servers() =>
        Assert.That(await _sample.Client.GetStringAsync("/health"), Is.EqualTo("Healthy"));

    [Test]
    public async Task Paused_slaves_stay_in_use_for_a_week_and_a_token_for_a_day_so_that_the_demonstration_goes_on()
    {
        var status = await _sample.Client.GetFromJsonAsync<JsonElement>("/replicated.json");
        Assert.That(status.GetProperty("settings").GetProperty("maxLagSeconds").GetDouble(), Is.EqualTo(TimeSpan.FromDays(7).TotalSeconds));
        using var written = await _sample.Client.PostAsJsonAsync("/api/posts", new { title = "kept", body = "" });
        Assert.That(written.Headers.GetValues("Set-Cookie").Single(), Does.Contain("max-age=86400"));
    }

    [Test]
    public async Task A_removed_post_is_gone_for_the_one_who_removed_it()
    {
        using var handler = new SocketsHttpHandler();
        using var client = new HttpClient(handler) { BaseAddress = _sample.Client.BaseAddress };
        using var written = await client.PostAsJsonAsync("/api/posts", new { title = "soon gone" });
        using var removed = await client.DeleteAsync(written.Headers.Location);
        using var read = await client.GetAsync(written.Headers.Location);
        Assert.That((removed.StatusCode, read.StatusCode), Is.EqualTo((HttpStatusCode.NoContent, HttpStatusCode.NotFound)));
    }

    internal static string RouteOf(HttpResponseMessage response) => response.Headers.GetValues("Replicated-Route").Single();
}

internal sealed class SampleLifeTests
{
    [Test]
    public async Task A_signal_leaves_no_server_and_no_folder([Values(PosixSignal.SIGINT, PosixSignal.SIGTERM)] PosixSignal signal)
    {
        await using var sample = await SampleProcess.StartAsync();
        var servers = Servers(sample.Folder);
        Assert.That(servers, Has.Count.GreaterThanOrEqualTo(3), "no servers were found to watch");
        await sample.End(signal);
        Assert.That(Directory.EnumerateFileSystemEntries(sample.Folder), Is.Empty);
        Assert.That(servers.Where(id => Directory.Exists($"/proc/{id}")), Is.Empty);
    }

    [Test]
    public async Task Two_copies_run_beside_each_other()
    {
        await using var first = await SampleProcess.StartAsync();
        await using var second = await SampleProcess.StartAsync();
        using var written = await first.Client.PostAsJsonAsync("/api/posts", new { title = "only here", body = "" });
        Assert.That(written.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await second.Client.GetFromJsonAsync<JsonElement[]>("/api/posts"), Is.Empty);
    }

    private static string[] Storages => Tests.Support.SourceTree.WithNHibernate ? ["NHibernate", "Dapper"] : ["Dapper"];

    [TestCaseSource(nameof(Storages))]
    public async Task Connection_strings_put_it_on_servers_that_exist(string storage)
    {
        await using var cluster = await Sample.Cluster.PostgresCluster.StartAsync();
        await using var sample = await SampleProcess.StartAsync(
            ("ConnectionStrings__Master", cluster.Master.ConnectionString),
            ("ConnectionStrings__Slave", cluster.Slaves[0].ConnectionString),
            ("Storage", storage));
        using var written = await sample.Client.PostAsJsonAsync("/api/posts", new { title = "there", body = "" });
        Assert.That(written.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        await cluster.WaitForSlavesAsync();
        using var read = await sample.Client.GetAsync("/api/posts");
        Assert.That(SampleTests.RouteOf(read), Is.EqualTo("role=slave; node=slave-1; reason=verb"));
        Assert.That(await read.Content.ReadFromJsonAsync<JsonElement[]>(), Has.Length.EqualTo(1));

        await cluster.Slaves[0].StopAsync();
        var servers = await sample.Client.GetFromJsonAsync<JsonElement[]>("/replication");
        Assert.That(servers!.Single(s => s.GetProperty("name").GetString() == "slave-1").GetProperty("state").GetString(), Is.Not.EqualTo("up"));
        // The pool still holds a connection that the server closed; the request that gets it fails, and the pool is emptied.
        using (await sample.Client.GetAsync("/api/posts"))
        {
        }

        using var fallback = await sample.Client.GetAsync("/api/posts");
        Assert.That(SampleTests.RouteOf(fallback), Is.EqualTo("role=slave; node=master; reason=fallback"));
        Assert.That(await sample.Client.GetStringAsync("/health"), Is.EqualTo("Degraded"));
    }

    [Test, Promise(4)]
    public async Task The_switch_sends_reads_to_the_master_and_leaves_explicit_slaves()
    {
        await using var sample = await SampleProcess.StartAsync(("Replicated__AutoReadOnSlave", "false"));
        using var read = await sample.Client.GetAsync("/api/posts");
        Assert.That(SampleTests.RouteOf(read), Is.EqualTo("role=master; node=master; reason=switch"));
        using var search = await sample.Client.PostAsJsonAsync("/api/posts/search", new { text = "x" });
        Assert.That(SampleTests.RouteOf(search), Does.Match("^role=slave; node=slave-[12]; reason=attribute$"));
    }

    /// <summary>The processes whose command line names the folder.</summary>
    private static List<int> Servers(string folder)
    {
        List<int> found = [];
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), out var id) && File.Exists($"{process}/cmdline"))
            {
                var line = ReadQuietly($"{process}/cmdline");
                if (line.Contains("postgres", StringComparison.Ordinal) && line.Contains(folder, StringComparison.Ordinal))
                {
                    found.Add(id);
                }
            }
        }

        return found;
    }

    private static string ReadQuietly(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return ""; // The process ended while it was looked at.
        }
    }
}
