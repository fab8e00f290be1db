using System.Data.Common;
using Dapper;

namespace Replicated.NHibernate.Sample.Posts;

/// <summary>The connection is routed, opened with the first statement, and committed when the action is done: nothing of it shows here.</summary>
internal sealed class DapperPosts(DbConnection connection) : IPosts
{
    private const string Select = $"select id, title, body, created_at as CreatedAt from {PostsTable.Name}";

    public async Task<IReadOnlyList<Post>> NewestAsync(int count, CancellationToken cancellationToken) =>
        (await connection.QueryAsync<Post>(new CommandDefinition($"{Select} order by id desc limit @count", new { count }, cancellationToken: cancellationToken))).AsList();

    public Task<Post?> FindAsync(long id, CancellationToken cancellationToken) =>
        connection.QuerySingleOrDefaultAsync<Post>(new CommandDefinition($"{Select} where id = @id", new { id }, cancellationToken: cancellationToken));

    public async Task<IReadOnlyList<Post>> SearchAsync(string text, int count, CancellationToken cancellationToken) =>
        (await connection.QueryAsync<Post>(new CommandDefinition(
            $"{Select} where position(@text in lower(title)) > 0 or position(@text in lower(body)) > 0 order by id desc limit @count",
            new { text = text.ToLowerInvariant(), count },
            cancellationToken: cancellationToken))).AsList();

    public Task<long> CountAsync(CancellationToken cancellationToken) =>
        connection.ExecuteScalarAsync<long>(new CommandDefinition($"select count(*) from {PostsTable.Name}", cancellationToken: cancellationToken));

    public async Task AddAsync(Post post, CancellationToken cancellationToken) =>
        post.Id = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"insert into {PostsTable.Name} (title, body, created_at) values (@Title, @Body, @CreatedAt) returning id", post, cancellationToken: cancellationToken));

    public Task RemoveAsync(long id, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(new CommandDefinition($"delete from {PostsTable.Name} where id = @id", new { id }, cancellationToken: cancellationToken));
}
