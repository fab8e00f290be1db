using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>Pages of one browser that poll while they write, on slaves whose replay stands still now and then.</summary>
[Promise(10)]
internal sealed class PollingPageTests
{
    private const int Writes = 500;

    /// <summary>Polls every 50 ms, and asks after each write for what was written: how many writes were missing, and how many polls were answered.</summary>
    private const string Script = """
        async writes => {
            let missing = 0, polls = 0;
            const timer = setInterval(() => fetch('/poll').then(r => { if (r.ok) polls++; }), 50);
            for (let i = 0; i < writes; i++) {
                const id = crypto.randomUUID ? crypto.randomUUID() : '';
                const written = await fetch('/posts/' + id, { method: 'POST' });
                if (!written.ok) throw new Error('The write was answered ' + written.status);
                const seen = await fetch('/posts/' + id);
                if (seen.status !== 200) missing++;
            }
            clearInterval(timer);
            return [missing, polls];
        }
        """;

    private OwnNodes _nodes = null!;
    private TestApp _app = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await Chromium.LaunchAsync(_playwright);
        _nodes = await OwnNodes.StartAsync();
        _app = await TestApp.StartAsync(
            UnitOfWork.Connection,
            app =>
            {
                app.MapGet("/", () => Results.Content("<!doctype html><title>A page</title>", "text/html"));
                app.MapGet("/poll", (IBoard board) => board.ScalarAsync("select count(*) from post"));
                app.MapPost("/posts/{id:guid}", (Guid id, IBoard board) => board.AddAsync(id));
                app.MapGet("/posts/{id:guid}", async (Guid id, IBoard board) => await board.HasAsync(id) ? Results.Ok() : Results.NotFound());
            },
            _nodes.Cluster,
            new Dictionary<string, string?> { ["Replicated:Probe:Interval"] = "00:00:00.1", ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00.005" });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await (_browser?.DisposeAsync() ?? ValueTask.CompletedTask);
        _playwright?.Dispose();
        await (_app?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_nodes?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Test]
    public async Task Page_that_polls_while_it_writes_sees_each_of_its_writes([Values(1, 2)] int tabs)
    {
        await using var context = await _browser.NewContextAsync(new() { BaseURL = _app.Client.BaseAddress!.ToString() });
        await context.AddCookiesAsync([new() { Name = "application", Value = "its own", Url = _app.Client.BaseAddress.ToString() }]);
        using var done = new CancellationTokenSource();
        var disturbing = Disturb(done.Token);
        var results = await Task.WhenAll(Enumerable.Range(0, tabs).Select(async _ =>
        {
            var page = await context.NewPageAsync();
            await page.GotoAsync("/");
            return await page.EvaluateAsync<int[]>(Script, Writes / tabs);
        }));
        await done.CancelAsync();
        var pauses = await disturbing;
        TestContext.Out.WriteLine($"{tabs} tabs, {Writes} writes: {results.Sum(r => r[0])} missing, {results.Sum(r => r[1])} polls, {pauses} pauses");
        Assert.That(results.Select(r => r[0]), Is.All.Zero);
        Assert.That((results.Min(r => r[1]) > 0, pauses > 0), Is.EqualTo((true, true)), "or the test shows nothing");
        Assert.That((await context.CookiesAsync()).Select(c => c.Name).ToArray(), Has.Member("application").And.Length.LessThanOrEqualTo(20));
    }

    private async Task<int> Disturb(CancellationToken done)
    {
        var random = new Random(5);
        var pauses = 0;
        while (!done.IsCancellationRequested)
        {
            var slave = _nodes.Cluster.Slaves[random.Next(2)];
            await slave.PauseReplayAsync(CancellationToken.None);
            pauses++;
            // As long as it takes to ask a server so many times: no clock takes part.
            for (var i = random.Next(20); i > 0; i--)
            {
                await _nodes.Master.EndOfLog();
            }

            await slave.ResumeReplayAsync(CancellationToken.None);
        }

        return pauses;
    }
}
