using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>Connection strings derived from one that Microsoft.Data.Sqlite takes.</summary>
internal static class SqliteConnectionStrings
{
    // Waiting for the writer blocks a thread, and the provider's own default is half a minute.
    private const string Seconds = "5";

    private static readonly string[] DataSource = ["Data Source", "DataSource", "Filename"];
    private static readonly string[] Timeout = ["Default Timeout", "Command Timeout"];

    public static string Master(string connectionString) => Impatient(connectionString).ConnectionString;

    public static string ReadOnly(string connectionString, bool readOnlySwitch)
    {
        var builder = Impatient(connectionString);
        // A database in memory has one mode, which all of its connections share.
        if (readOnlySwitch && !IsInMemory(builder))
        {
            builder["Mode"] = "ReadOnly";
        }

        return builder.ConnectionString;
    }

    public static string ForProbes(string readOnly) => new DbConnectionStringBuilder { ConnectionString = readOnly, ["Pooling"] = "false" }.ConnectionString;

    public static string? Contradiction(string connectionString, bool isSlave)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return (Value(builder, DataSource) is ":memory:" or "" || (IsInMemory(builder) && Value(builder, ["Cache"])?.Equals("Shared", StringComparison.OrdinalIgnoreCase) != true))
                ? "names a database in memory that each connection has for itself, so one request would not see what another has written. "
                    + "Name a file, or share it: Data Source=some-name;Mode=Memory;Cache=Shared, with a connection that the application keeps open."
            : isSlave && Value(builder, ["Mode"]) is { } mode && mode.Contains("Write", StringComparison.OrdinalIgnoreCase)
                ? $"has Mode={mode}, and sessions of a slave only read. Remove it, or write ReadOnly."
            : null;
    }

    private static DbConnectionStringBuilder Impatient(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (Value(builder, Timeout) is null)
        {
            builder[Timeout[0]] = Seconds;
        }

        return builder;
    }

    private static bool IsInMemory(DbConnectionStringBuilder builder) =>
        Value(builder, ["Mode"])?.Equals("Memory", StringComparison.OrdinalIgnoreCase) == true || Value(builder, DataSource) is ":memory:";

    private static string? Value(DbConnectionStringBuilder builder, string[] keys)
    {
        foreach (var key in keys)
        {
            if (builder.TryGetValue(key, out var value))
            {
                return value.ToString();
            }
        }

        return null;
    }
}
