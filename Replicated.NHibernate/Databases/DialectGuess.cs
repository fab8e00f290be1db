using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>Which database it is: by how the provider takes a connection string, and by the server's own word. Never by the name of a class, which a wrapper changes.</summary>
internal static class DialectGuess
{
    /// <summary>Asks a server what it is; an error where it does not know the question.</summary>
    public const string Question = "select version()";

    // Words that only Npgsql knows, and one that nobody does: who takes both does not look at them before opening.
    private const string Npgsqls = "Host=localhost;Pooling=false;Enlist=false;No Reset On Close=false;Target Session Attributes=any";
    private const string MicrosoftSqlites = "Data Source=x;Mode=ReadOnly;Recursive Triggers=False;Foreign Keys=False";
    private const string MySqlConnectors = "Guid Format=Char36;Server Redirection Mode=Disabled";
    private const string Nobodys = "Host=localhost;Pooling=false;A Word Of Nobody=1";

    /// <summary>Before anything was opened.</summary>
    /// <param name="create">The provider.</param>
    /// <param name="connectionType">Its class of connections.</param>
    /// <param name="expected">What the configuration says otherwise, such as NHibernate's dialect; null where it says nothing.</param>
    public static DatabaseDialect From(Func<string, DbConnection> create, string connectionType, DatabaseDialect? expected) =>
        Takes(create, Nobodys) ? OfFactory(create) ?? expected ?? new GenericDialect(connectionType)
        : Takes(create, Npgsqls) ? new PostgreSqlDialect(takesKeywords: true)
        : Takes(create, MicrosoftSqlites) ? new SqliteDialect(takesKeywords: true)
        : expected ?? new GenericDialect(connectionType);

    /// <summary>What NHibernate's dialect says of the database; null where it is none that is known here.</summary>
    public static DatabaseDialect? Expected(string? nhibernateDialect) =>
        nhibernateDialect is null ? null
        : nhibernateDialect.Contains("PostgreSQL", StringComparison.OrdinalIgnoreCase) ? new PostgreSqlDialect(takesKeywords: false)
        : nhibernateDialect.Contains("SQLite", StringComparison.OrdinalIgnoreCase) ? new SqliteDialect(takesKeywords: false)
        : nhibernateDialect.Contains("MySQL", StringComparison.OrdinalIgnoreCase) || nhibernateDialect.Contains("MariaDB", StringComparison.OrdinalIgnoreCase) ? new MySqlDialect(takesKeywords: false)
        : null;

    // Who looks at a string only when it opens has, perhaps, a factory whose builder looks at once.
    private static MySqlDialect? OfFactory(Func<string, DbConnection> create)
    {
        using var connection = create("");
        try
        {
            return DbProviderFactories.GetFactory(connection)?.CreateConnectionStringBuilder() is { } builder && Takes(builder, MySqlConnectors) && !Takes(builder, Nobodys)
                ? new MySqlDialect(takesKeywords: true)
                : null;
        }
        catch (Exception)
        {
            // A wrapper need not have one.
            return null;
        }
    }

    private static bool Takes(DbConnectionStringBuilder builder, string connectionString)
    {
        try
        {
            builder.ConnectionString = connectionString;
            return builder.GetType() != typeof(DbConnectionStringBuilder);
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static bool Takes(Func<string, DbConnection> create, string connectionString)
    {
        try
        {
            using var connection = create(connectionString);
            return true;
        }
        catch (Exception)
        {
            // Each provider has its own exceptions for it.
            return false;
        }
    }
}
