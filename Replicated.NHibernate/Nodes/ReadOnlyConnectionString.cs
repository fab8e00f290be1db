using System.Data.Common;

namespace Replicated.NHibernate.Nodes;

/// <summary>The connection string of a slave session: with the database's own read-only switch, without enlistment.</summary>
internal static class ReadOnlyConnectionString
{
    // Both are Npgsql's names for it.
    private static readonly string[] NoReset = ["No Reset On Close", "NoResetOnClose"];

    /// <summary>For asking a server in the background, beside the application's pool: an exhausted pool must not look like a dead server.</summary>
    public static string ForProbes(string readOnly, DatabaseProvider provider) => provider.IsNpgsql
        ? new DbConnectionStringBuilder { ConnectionString = readOnly, ["Pooling"] = "false", ["Application Name"] = "Replicated.NHibernate", ["Cancellation Timeout"] = "-1" }.ConnectionString
        : readOnly;

    /// <summary>Whether a pooled connection keeps what its last user set, the way out of the read-only switch among it.</summary>
    public static bool KeepsSettings(string connectionString, DatabaseProvider provider)
    {
        if (!provider.IsNpgsql)
        {
            return false;
        }

        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return Array.Exists(NoReset, key => builder.TryGetValue(key, out var value) && bool.TryParse(value.ToString(), out var keeps) && keeps);
    }

    public static string From(string connectionString, DatabaseProvider provider, bool readOnlySwitch)
    {
        if (!provider.IsNpgsql)
        {
            return connectionString;
        }

        // A standby cannot prepare: enlisted beside the master, it would abort the master's commit.
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString, ["Enlist"] = "false" };
        if (readOnlySwitch)
        {
            // Options in the string discard PGOPTIONS and whatever the application put there, so: append.
            var options = builder.TryGetValue("Options", out var own) ? own.ToString() : Environment.GetEnvironmentVariable("PGOPTIONS");
            builder["Options"] = string.IsNullOrWhiteSpace(options)
                ? "-c default_transaction_read_only=on"
                : $"{options} -c default_transaction_read_only=on";
            // On the master's, which stands in for a slave; on a slave's it is an error of the configuration.
            Array.ForEach(NoReset, key => builder.Remove(key));
        }

        return builder.ConnectionString;
    }
}
