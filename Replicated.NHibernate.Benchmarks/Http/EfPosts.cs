using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>EF Core, with a switch by verb written by hand over two connection strings.</summary>
public sealed class EfPosts(DbContextOptions<EfPosts> options) : DbContext(options)
{
    public DbSet<EfPost> Posts => Set<EfPost>();

    public static void Register(WebApplicationBuilder builder, string master, string slave)
    {
        var (masters, slaves) = (Npgsql.NpgsqlDataSource.Create(master), Npgsql.NpgsqlDataSource.Create(slave));
        builder.Services.AddHttpContextAccessor();
        builder.Services.AddDbContext<EfPosts>((services, o) =>
            o.UseNpgsql(HttpMethods.IsGet(services.GetRequiredService<IHttpContextAccessor>().HttpContext!.Request.Method) ? slaves : masters));
        builder.Services.AddController<EfPostsController>();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<EfPost>(post =>
    {
        post.ToTable("post");
        post.Property(p => p.Id).HasColumnName("id").ValueGeneratedNever();
        post.Property(p => p.Title).HasColumnName("title");
        post.Property(p => p.Body).HasColumnName("body");
        post.Property(p => p.Written).HasColumnName("written").HasColumnType("timestamp");
    });
}

public sealed class EfPost
{
    public Guid Id { get; set; }

    public string Title { get; set; } = "";

    public string Body { get; set; } = "";

    public DateTime Written { get; set; }
}

[ApiController, Route("posts")]
public sealed class EfPostsController(EfPosts posts, TimeProvider clock) : ControllerBase
{
    [HttpGet("{id:guid}")]
    public async Task<ActionResult<PostView>> Get(Guid id, CancellationToken cancellationToken) =>
        await posts.Posts.FindAsync([id], cancellationToken) is { } post ? View(post) : NotFound();

    [HttpPost]
    public async Task<ActionResult<PostView>> Add(NewPost body, CancellationToken cancellationToken)
    {
        var post = new EfPost
        {
            Id = Guid.CreateVersion7(), Title = body.Title, Body = body.Body, Written = DateTime.SpecifyKind(clock.GetUtcNow().UtcDateTime, DateTimeKind.Unspecified),
        };
        posts.Posts.Add(post);
        await using var transaction = await posts.Database.BeginTransactionAsync(cancellationToken);
        await posts.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return Created($"/posts/{post.Id}", View(post));
    }

    private static PostView View(EfPost post) => new(post.Id, post.Title, post.Body, post.Written);
}
