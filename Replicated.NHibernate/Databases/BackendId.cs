using System.Collections.Concurrent;
using System.Data.Common;
using System.Reflection;

namespace Replicated.NHibernate.Databases;

/// <summary>
/// Which of a server's processes works for a connection, without a round trip: Npgsql's ProcessID, looked for by its name, also under a driver that wraps the provider's
/// connection. Behind a pooler it is the pooler's number, of which the server knows nothing.
/// </summary>
internal static class BackendId
{
    private static readonly ConcurrentDictionary<Type, (PropertyInfo? Id, PropertyInfo? Inner)> Known = new();

    public static long? Of(DbConnection connection)
    {
        // Wrappers of wrappers end somewhere.
        for (var (current, depth) = ((DbConnection?)connection, 0); current is not null && depth < 4; depth++)
        {
            var (id, inner) = Known.GetOrAdd(current.GetType(), Find);
            if (id?.GetValue(current) is int process)
            {
                return process;
            }

            current = inner?.GetValue(current) as DbConnection;
        }

        return null;
    }

    private static (PropertyInfo? Id, PropertyInfo? Inner) Find(Type type)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        return (Array.Find(properties, static p => p.Name == "ProcessID" && p.PropertyType == typeof(int)),
            Array.Find(properties, static p => p.CanRead && p.GetIndexParameters().Length == 0 && typeof(DbConnection).IsAssignableFrom(p.PropertyType)));
    }
}
