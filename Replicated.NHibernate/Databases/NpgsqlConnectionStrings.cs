using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>Connection strings derived from one that Npgsql takes.</summary>
internal static class NpgsqlConnectionStrings
{
    // The server keeps each of them for each connection; the one that was used longest ago makes room.
    private const int Prepared = 50;

    // Each has two names.
    private static readonly string[] MaxAutoPrepare = ["Max Auto Prepare", "MaxAutoPrepare"];
    private static readonly string[] NoReset = ["No Reset On Close", "NoResetOnClose"];
    private static readonly string[] TargetSession = ["Target Session Attributes", "TargetSessionAttributes"];

    public static string Preparing(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (Value(builder, MaxAutoPrepare) is null)
        {
            builder[MaxAutoPrepare[0]] = Prepared;
        }

        return builder.ConnectionString;
    }

    public static string ForProbes(string readOnly)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = readOnly, ["Pooling"] = "false", ["Application Name"] = "Replicated.NHibernate", ["Cancellation Timeout"] = "-1" };
        // It wants a pool.
        builder.Remove("Multiplexing");
        return builder.ConnectionString;
    }

    public static string ReadOnly(string connectionString, bool readOnlySwitch)
    {
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
            // Npgsql asks a server for the mode that the switch itself sets, and would take it for one that cannot write; that it is a primary it asks otherwise.
            if (Value(builder, TargetSession) is { } wanted && IsReadWrite(wanted))
            {
                Array.ForEach(TargetSession, key => builder.Remove(key));
                builder[TargetSession[0]] = "primary";
            }
        }

        return builder.ConnectionString;
    }

    public static string? Contradiction(string connectionString, bool isSlave, bool readOnlySwitch)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return isSlave && readOnlySwitch && IsTrue(Value(builder, NoReset))
            ? "has No Reset On Close=true, so a session that switched the database's read-only mode off would leave it off for the next user of the connection. "
                + "Remove it, or set Replicated:ReadOnlySwitch to false, as a pooler needs that refuses startup options."
            : NpgsqlHosts.Contradiction(connectionString, isSlave);
    }

    private static bool IsReadWrite(string value) => value.Replace("-", "", StringComparison.Ordinal).Equals("readwrite", StringComparison.OrdinalIgnoreCase);

    private static bool IsTrue(string? value) => bool.TryParse(value, out var on) && on;

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
