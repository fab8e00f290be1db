using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>The README's table of databases, from what the dialects are.</summary>
internal sealed class CompatibilityTests
{
    [Test]
    public void Documented_table_is_what_the_dialects_do()
    {
        DatabaseDialect[] dialects =
        [
            new PostgreSqlDialect(takesKeywords: true), new MySqlDialect(takesKeywords: true, MySqlKind.MariaDb), new MySqlDialect(takesKeywords: true, MySqlKind.MySql),
            new SqliteDialect(takesKeywords: true), new GenericDialect("Some.Connection"),
        ];
        new DocumentedTable("../README.md", "databases").MustEqual([.. dialects.Select(Row)]);
    }

    private static string Row(DatabaseDialect dialect)
    {
        var name = dialect switch
        {
            PostgreSqlDialect => "PostgreSQL 12 and later, Npgsql 9",
            MySqlDialect => $"{dialect.Name}{(dialect.Name == "MariaDB" ? " 10.5 and later" : " 8.0.22 and later (its SQL is not tried on a server)")}, MySqlConnector 2",
            SqliteDialect => "SQLite, Microsoft.Data.Sqlite 10",
            _ => "any other ADO.NET provider",
        };
        var guard = dialect.HasFunctionsThatWrite && dialect is { SwitchesByConnectionString: false, MakeReadOnly: null } ? "by words; functions and procedures that write pass" : "yes";
        var mode = dialect.SwitchesByConnectionString ? "yes, by the connection string" : dialect.MakeReadOnly is not null ? "yes, by a statement at each lease" : "no: none is known";
        var tokens = dialect.Positions is null ? "window: nothing tells how far a slave is" : dialect.TellsWrites(dialect.Positions) ? "yes" : "yes, for what its words say to write";
        var lag = dialect.Positions is null ? "no: nothing tells it" : "yes";
        var probed = dialect.Positions is not null || dialect.ProbeQuery is not null;
        return $"| {name} | yes | {guard} | {mode} | {tokens} | {lag} | {(probed ? "yes" : "yes, when a connection cannot be opened")} | {(probed ? "yes" : "no: no question is known that it answers")} |";
    }
}
