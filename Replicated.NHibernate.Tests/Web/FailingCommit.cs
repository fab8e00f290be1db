using Npgsql;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Work whose every statement succeeds and whose commit fails: a foreign key that is checked at the end only.</summary>
internal static class FailingCommit
{
    private const string ForeignKeyViolation = "23503";

    public static Task CreateTable() => SharedCluster.Execute(
        SharedCluster.Master,
        "create table if not exists orphan (id uuid primary key, post_id uuid not null references post (id) deferrable initially deferred)");

    public static Task AddOrphan(this IBoard board, Guid id) => board.ExecuteAsync($"insert into orphan (id, post_id) values ('{id}', '{Guid.NewGuid()}')");

    public static Task<bool> OrphanIsOnMaster(Guid id) => SharedCluster.Ask<bool>(SharedCluster.Master, $"select exists (select 1 from orphan where id = '{id}')");

    public static bool Is(Exception? exception) =>
        exception is PostgresException { SqlState: ForeignKeyViolation } || (exception?.InnerException is { } inner && Is(inner));
}
