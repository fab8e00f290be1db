using Microsoft.AspNetCore.Mvc;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What both applications do; neither of them knows where its session comes from.</summary>
[ApiController, Route("posts")]
public sealed class PostsController(ISession session, TimeProvider clock) : ControllerBase
{
    [HttpGet("{id:guid}")]
    public async Task<ActionResult<PostView>> Get(Guid id, CancellationToken cancellationToken) =>
        await session.GetAsync<Post>(id, cancellationToken) is { } post ? View(post) : NotFound();

    /// <summary>The session is there and nothing is asked of it.</summary>
    [HttpGet("none")]
    public IActionResult None() => NoContent();

    [HttpPost]
    public async Task<ActionResult<PostView>> Add(NewPost body, CancellationToken cancellationToken)
    {
        var post = new Post { Title = body.Title, Body = body.Body, Written = clock.GetUtcNow().UtcDateTime };
        await session.SaveAsync(post, cancellationToken);
        return Created($"/posts/{post.Id}", View(post));
    }

    private static PostView View(Post post) => new(post.Id, post.Title, post.Body, post.Written);
}
