using Microsoft.AspNetCore.Mvc;
using Npgsql;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Npgsql alone, with a switch by verb written by hand.</summary>
public sealed class NpgsqlPosts(NpgsqlDataSource master, NpgsqlDataSource slave)
{
    public static void Register(WebApplicationBuilder builder, string master, string slave)
    {
        builder.Services.AddSingleton(new NpgsqlPosts(NpgsqlDataSource.Create(master), NpgsqlDataSource.Create(slave)));
        builder.Services.AddController<NpgsqlPostsController>();
    }

    public async Task<PostView?> GetAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = slave.CreateCommand("select id, title, body, written from post where id = $1");
        command.Parameters.Add(new NpgsqlParameter { Value = id });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? new PostView(reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetDateTime(3)) : null;
    }

    public async Task AddAsync(PostView post, CancellationToken cancellationToken)
    {
        await using var connection = await master.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand("insert into post (id, title, body, written) values ($1, $2, $3, $4)", connection, transaction);
        command.Parameters.Add(new NpgsqlParameter { Value = post.Id });
        command.Parameters.Add(new NpgsqlParameter { Value = post.Title });
        command.Parameters.Add(new NpgsqlParameter { Value = post.Body });
        command.Parameters.Add(new NpgsqlParameter { Value = post.Written });
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}

[ApiController, Route("posts")]
public sealed class NpgsqlPostsController(NpgsqlPosts posts, TimeProvider clock) : ControllerBase
{
    [HttpGet("{id:guid}")]
    public async Task<ActionResult<PostView>> Get(Guid id, CancellationToken cancellationToken) =>
        await posts.GetAsync(id, cancellationToken) is { } post ? post : NotFound();

    [HttpPost]
    public async Task<ActionResult<PostView>> Add(NewPost body, CancellationToken cancellationToken)
    {
        var post = new PostView(Guid.CreateVersion7(), body.Title, body.Body, DateTime.SpecifyKind(clock.GetUtcNow().UtcDateTime, DateTimeKind.Unspecified));
        await posts.AddAsync(post, cancellationToken);
        return Created($"/posts/{post.Id}", post);
    }
}
