using Microsoft.AspNetCore.Mvc;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>The JSON API. GET reads from a slave, POST writes to the master; nothing in an action says so or commits.</summary>
[ApiController]
[Route("api/posts")]
public sealed class PostsController(IPosts posts, IReplicatedSessions sessions, TimeProvider clock) : ControllerBase
{
    private const int Most = 1000;

    [HttpGet, HttpHead]
    public Task<IReadOnlyList<Post>> Newest([FromQuery, System.ComponentModel.DataAnnotations.Range(1, Most)] int count = Most, CancellationToken cancellationToken = default) =>
        posts.NewestAsync(count, cancellationToken);

    [HttpGet("{id:long}"), HttpHead("{id:long}")]
    public async Task<ActionResult<Post>> ById(long id, CancellationToken cancellationToken) =>
        await posts.FindAsync(id, cancellationToken) is { } post ? post : NotFound();

    [HttpPost]
    public async Task<ActionResult<Post>> Write(NewPost written, CancellationToken cancellationToken)
    {
        var post = written.Written(clock);
        await posts.AddAsync(post, cancellationToken);
        return CreatedAtAction(nameof(ById), new { id = post.Id }, post);
    }

    [HttpDelete("{id:long}")]
    public async Task<NoContentResult> Remove(long id, CancellationToken cancellationToken)
    {
        await posts.RemoveAsync(id, cancellationToken);
        return NoContent();
    }

    /// <summary>A POST that only reads, because a search can be longer than a URL.</summary>
    [HttpPost("search")]
    [UseSlave]
    public Task<IReadOnlyList<Post>> Search(SearchFor what, CancellationToken cancellationToken) => posts.SearchAsync(what.Text!, Most, cancellationToken);

    /// <summary>How many posts there are where this request reads, and how many there really are: the rest is on its way.</summary>
    [HttpGet("count"), HttpHead("count")]
    public async Task<PostCount> Count([FromServices] IServiceProvider services, CancellationToken cancellationToken)
    {
        var here = await posts.CountAsync(cancellationToken);
        using (sessions.UseMaster())
        {
            // What is resolved inside the block works on the master; what was injected stays where it is.
            var there = await services.GetRequiredService<IPosts>().CountAsync(cancellationToken);
            return new PostCount(here, there);
        }
    }
}

public sealed record PostCount(long Here, long OnMaster);
