using System.Data.Common;

namespace Replicated.NHibernate.Web.Status;

/// <summary>Host and port out of a connection string, and nothing else of it.</summary>
internal static class NodeAddress
{
    private static readonly string[] HostKeys = ["Host", "Server"];

    /// <summary>Null where there is none, or where what stands there is not of the form of host names: it may be something that nobody may see.</summary>
    public static string? Of(string connectionString)
    {
        var parts = new DbConnectionStringBuilder { ConnectionString = connectionString };
        var host = HostKeys.Select(k => parts.TryGetValue(k, out var value) ? value as string : null).FirstOrDefault(v => !string.IsNullOrWhiteSpace(v));
        if (host is null || !host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or ',' or ' ' or '[' or ']'))
        {
            return null;
        }

        return parts.TryGetValue("Port", out var port) && port is string { Length: > 0 } text && text.All(char.IsAsciiDigit) ? $"{host}:{text}" : host;
    }
}
