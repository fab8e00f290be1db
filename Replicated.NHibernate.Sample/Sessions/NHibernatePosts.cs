using NHibernate.Linq;

namespace Replicated.NHibernate.Sample.Posts;

/// <summary>The session is routed, and committed when the action is done: nothing of either shows here.</summary>
internal sealed class NHibernatePosts(ISession session) : IPosts
{
    public async Task<IReadOnlyList<Post>> NewestAsync(int count, CancellationToken cancellationToken) =>
        await session.Query<Post>().OrderByDescending(post => post.Id).Take(count).ToListAsync(cancellationToken);

    public Task<Post?> FindAsync(long id, CancellationToken cancellationToken) => session.GetAsync<Post?>(id, cancellationToken);

    public async Task<IReadOnlyList<Post>> SearchAsync(string text, int count, CancellationToken cancellationToken)
    {
        var lowered = text.ToLowerInvariant();
#pragma warning disable CA1862, CA2249 // It becomes SQL: Contains would be a LIKE with the text's own % and _ as wildcards, and a StringComparison has no translation.
        return await session.Query<Post>()
            .Where(post => post.Title.ToLowerInvariant().IndexOf(lowered) >= 0 || post.Body.ToLowerInvariant().IndexOf(lowered) >= 0)
#pragma warning restore CA1862, CA2249
            .OrderByDescending(post => post.Id).Take(count).ToListAsync(cancellationToken);
    }

    public Task<long> CountAsync(CancellationToken cancellationToken) => session.Query<Post>().LongCountAsync(cancellationToken);

    public Task AddAsync(Post post, CancellationToken cancellationToken) => session.SaveAsync(post, cancellationToken);

    public async Task RemoveAsync(long id, CancellationToken cancellationToken)
    {
        if (await FindAsync(id, cancellationToken) is { } post)
        {
            await session.DeleteAsync(post, cancellationToken);
        }
    }
}
