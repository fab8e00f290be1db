using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>The hosts that a connection string of Npgsql's names, and which of them it wants.</summary>
internal static class NpgsqlHosts
{
    private const string TargetSession = "Target Session Attributes";

    private static readonly string[] Names = ["Host", "Server"];
    private static readonly string[] Own = ["localhost", "127.0.0.1", "::1"];

    // What chooses among several hosts; each has two names.
    private static readonly string[] Choosing =
        [TargetSession, "TargetSessionAttributes", "Load Balance Hosts", "LoadBalanceHosts", "Host Recheck Seconds", "HostRecheckSeconds"];

    /// <summary>The one address, as host:port; null where there are several, or none.</summary>
    public static string? AddressOf(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (Value(builder, Names) is not { Length: > 0 } host || host.Contains(','))
        {
            return null;
        }

        var (name, port) = Parted(host, Value(builder, ["Port"]) ?? "5432");
        return $"{(Array.Exists(Own, own => own.Equals(name, StringComparison.OrdinalIgnoreCase)) ? Own[0] : name.ToLowerInvariant())}:{port}";
    }

    /// <summary>A connection string for each host; itself where it names one.</summary>
    public static string[] Split(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (Value(builder, Names) is not { } hosts || !hosts.Contains(','))
        {
            return [connectionString];
        }

        var shared = Value(builder, ["Port"]) ?? "5432";
        Array.ForEach([.. Names, .. Choosing], key => builder.Remove(key));
        return [.. hosts.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(One)];

        string One(string host)
        {
            (builder[Names[0]], builder["Port"]) = Parted(host, shared);
            return builder.ConnectionString;
        }
    }

    /// <summary>For sessions that write: of several hosts the one that takes writes, which is also the one that is asked what it is.</summary>
    public static string Master(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        if (Value(builder, Names)?.Contains(',') != true || Target(builder) is not (null or "any" or "preferprimary"))
        {
            return connectionString;
        }

        Array.ForEach(Choosing[..2], key => builder.Remove(key));
        builder[TargetSession] = "primary";
        return builder.ConnectionString;
    }

    /// <summary>What is wrong with the kind of server that a connection string wants.</summary>
    public static string? Contradiction(string connectionString, bool isSlave)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return Target(builder) switch
        {
            "primary" or "readwrite" when isSlave =>
                $"has {TargetSession}={Value(builder, Choosing[..2])}, which no slave fits, and no session in read-only mode. Remove it, or write standby or prefer-standby.",
            "standby" or "preferstandby" or "readonly" when !isSlave =>
                $"has {TargetSession}={Value(builder, Choosing[..2])}, which leads past the master, so writes would fail. Remove it, or write primary.",
            _ => null,
        };
    }

    private static string? Target(DbConnectionStringBuilder builder) => Value(builder, Choosing[..2])?.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    // As Npgsql reads it: a colon within an IPv6 address is none before a port.
    private static (string Host, string Port) Parted(string host, string port)
    {
        var colon = host.LastIndexOf(':');
        return colon > 0 && colon > host.IndexOf(']') && (host.Contains(']') || host.IndexOf(':') == colon) ? (host[..colon], host[(colon + 1)..]) : (host, port);
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
