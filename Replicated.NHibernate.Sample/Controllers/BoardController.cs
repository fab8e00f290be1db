using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;
using Replicated.NHibernate.Sample.Servers;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>The page.</summary>
[AutoValidateAntiforgeryToken]
public sealed class BoardController(IPosts posts, IReplicatedSessions sessions, TimeProvider clock, IServiceProvider services) : Controller
{
    private const int Shown = 50;

    [HttpGet("/"), HttpHead("/")]
    public Task<ViewResult> Index(CancellationToken cancellationToken) => Board(nameof(Index), new NewPost(), cancellationToken);

    [HttpPost("/")]
    public async Task<IActionResult> Write(NewPost written, CancellationToken cancellationToken)
    {
        if (!ModelState.IsValid)
        {
            Response.StatusCode = StatusCodes.Status400BadRequest;
            return await Board(nameof(Index), written, cancellationToken);
        }

        await posts.AddAsync(written.Written(clock), cancellationToken);
        return RedirectToAction(nameof(Index));
    }

    /// <summary>Who moderates wants to see what is there, not what was there a moment ago.</summary>
    [HttpGet("/moderation"), HttpHead("/moderation")]
    [UseMaster]
    public Task<ViewResult> Moderation(CancellationToken cancellationToken) => Board(nameof(Moderation), new NewPost(), cancellationToken);

    [HttpPost("/moderation/{id:long}/remove")]
    public async Task<IActionResult> Remove(long id, CancellationToken cancellationToken)
    {
        await posts.RemoveAsync(id, cancellationToken);
        return RedirectToAction(nameof(Moderation));
    }

    private async Task<ViewResult> Board(string view, NewPost written, CancellationToken cancellationToken)
    {
        var servers = services.GetRequiredService<IServerQuestion>().AskAsync(cancellationToken);
        var newest = await posts.NewestAsync(Shown, cancellationToken);
        var configuration = services.GetRequiredService<IConfiguration>();
        var health = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(cancellationToken);
        return View(view, new BoardPage(
            newest,
            written,
            sessions.CurrentRoute!,
            await servers,
            sessions.CurrentToken,
            LiveSwitches.TokensAreOn(configuration),
            LiveSwitches.AutoReadOnSlaveIsOn(configuration),
            services.GetRequiredService<DemoServers>().AreOwn,
            string.Join(' ', health.Entries.Values.Where(e => e.Status != HealthStatus.Healthy).Select(e => e.Description))));
    }
}

/// <param name="Route">Where the posts were read.</param>
/// <param name="ConsistencyToken">What the reader's browser carries, if the reader wrote.</param>
/// <param name="ServersAreOwn">Whether the sample started them, and may kill them.</param>
/// <param name="Trouble">What the library knows of servers that cannot be used.</param>
public sealed record BoardPage(
    IReadOnlyList<Post> Posts,
    NewPost Written,
    Route Route,
    IReadOnlyList<ServerStatus> Servers,
    ConsistencyToken? Token,
    bool TokensAreOn,
    bool AutoReadOnSlaveIsOn,
    bool ServersAreOwn,
    string Trouble);
