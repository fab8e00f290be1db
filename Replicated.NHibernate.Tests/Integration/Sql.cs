namespace Replicated.NHibernate.Tests.Integration;

internal static class Sql
{
    /// <summary>The server's own word; not the address the client dialled.</summary>
    public const string Where = "select cast(current_setting('port') as int) as \"Port\", pg_is_in_recovery() as \"InRecovery\"";

    public const string Schema =
        """
        create table if not exists post (id uuid primary key, title text not null, version int not null default 1);
        create table if not exists tag (id serial primary key, post_id uuid references post (id), name text not null);
        """;
}
