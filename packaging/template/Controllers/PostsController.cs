using Microsoft.AspNetCore.Mvc;
using NHibernate.Linq;

namespace ReplicatedWeb.Controllers;

[ApiController, Route("posts")]
public class PostsController(ISession session) : ControllerBase
{
    // GET reads from a slave; [UseMaster] would send it to the master.
    [HttpGet]
    public Task<List<Post>> All(CancellationToken cancellationToken) => session.Query<Post>().ToListAsync(cancellationToken);

    // Every other verb works on the master, in one transaction that is committed before the result is executed.
    [HttpPost]
    public async Task<IActionResult> Add(NewPost post, CancellationToken cancellationToken)
    {
        var added = new Post { Title = post.Title };
        await session.SaveAsync(added, cancellationToken);
        return CreatedAtAction(nameof(All), added);
    }
}

public record NewPost(string Title);
