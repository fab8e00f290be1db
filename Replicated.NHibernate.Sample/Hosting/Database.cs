namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>Which database the board is kept in: the setting <c>Database</c>.</summary>
internal enum Database
{
    /// <summary>A PostgreSQL primary with slaves.</summary>
    PostgreSql,

    /// <summary>One file and no server at all: for a first look.</summary>
    Sqlite,
}

internal static class Databases
{
    public static Database Database(this IConfiguration configuration) => configuration["Database"]?.ToUpperInvariant() switch
    {
        null or "" or "POSTGRESQL" => Hosting.Database.PostgreSql,
        "SQLITE" => Hosting.Database.Sqlite,
        _ => throw new StartUpException($"Database is '{configuration["Database"]}'; known are postgresql and sqlite."),
    };
}
