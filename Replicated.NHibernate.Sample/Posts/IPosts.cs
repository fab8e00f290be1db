namespace Replicated.NHibernate.Sample.Posts;

/// <summary>The posts, on the server that the request has been routed to.</summary>
public interface IPosts
{
    Task<IReadOnlyList<Post>> NewestAsync(int count, CancellationToken cancellationToken);

    Task<Post?> FindAsync(long id, CancellationToken cancellationToken);

    /// <summary>The newest whose title or body contains the text, in upper or lower case.</summary>
    Task<IReadOnlyList<Post>> SearchAsync(string text, int count, CancellationToken cancellationToken);

    Task<long> CountAsync(CancellationToken cancellationToken);

    /// <summary>Gives the post its id.</summary>
    Task AddAsync(Post post, CancellationToken cancellationToken);

    Task RemoveAsync(long id, CancellationToken cancellationToken);
}
