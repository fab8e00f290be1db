using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>Connection strings derived from one that MySqlConnector takes.</summary>
internal static class MySqlConnectionStrings
{
    // Each has several names.
    private static readonly string[] Reset = ["Connection Reset", "ConnectionReset"];
    private static readonly string[] Hosts = ["Server", "Host", "Data Source", "DataSource", "Address", "Addr", "Network Address"];
    private static readonly string[] OwnHosts = ["localhost", "127.0.0.1", "::1"];
    private static readonly string[] Enlist = ["Auto Enlist", "AutoEnlist"];

    public static string ReadOnly(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        Array.ForEach(Enlist, key => builder.Remove(key));
        // A read-only session enlisted beside the master would be part of the master's commit.
        builder[Enlist[1]] = "false";
        return builder.ConnectionString;
    }

    public static string ForProbes(string readOnly) =>
        new DbConnectionStringBuilder { ConnectionString = readOnly, ["Pooling"] = "false", ["Application Name"] = "Replicated.NHibernate" }.ConnectionString;

    /// <summary>Host and port; null where several hosts are named.</summary>
    public static string? AddressOf(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return Value(builder, Hosts) is { Length: > 0 } host && !host.Contains(',') ? $"{(OwnHosts.Contains(host, StringComparer.OrdinalIgnoreCase) ? OwnHosts[0] : host.ToLowerInvariant())}:{Value(builder, ["Port"]) ?? "3306"}" : null;
    }

    public static string? Contradiction(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return Array.Exists(Reset, key => builder.TryGetValue(key, out var value) && value.ToString() is { } said && said.Trim().ToUpperInvariant() is "FALSE" or "NO" or "0")
            ? "has ConnectionReset=false, so what one request has set on its session, the read-only mode among it, would be there for the next user of the connection. Remove it."
            : null;
    }

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
