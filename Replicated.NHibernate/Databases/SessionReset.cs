using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>
/// Has the provider's pool undo what was set on a connection when it is given back. The provider does it best: it knows of transactions that are still open, sends it
/// with the next statement, and ends a connection on which it fails.
/// </summary>
internal static class SessionReset
{
    // Npgsql's and MySqlConnector's words for leaving it out. Both reset by default, and a key that is not there does no harm anywhere.
    private static readonly string[] LeavingOut = ["No Reset On Close", "NoResetOnClose", "Connection Reset", "ConnectionReset"];

    public static string On(string connectionString)
    {
        var builder = new DbConnectionStringBuilder { ConnectionString = connectionString };
        // As configured where nothing is to be changed: another text would be another pool.
        var keys = Array.FindAll(LeavingOut, builder.ContainsKey);
        Array.ForEach(keys, key => builder.Remove(key));
        return keys.Length == 0 ? connectionString : builder.ConnectionString;
    }
}
