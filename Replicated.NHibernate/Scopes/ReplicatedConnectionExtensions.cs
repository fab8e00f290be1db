using System.Data.Common;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate;

/// <summary>The way to the ADO.NET provider's own connection.</summary>
public static class ReplicatedConnectionExtensions
{
    /// <summary>
    /// The provider's own connection under a routed one (an injected <see cref="DbConnection"/>, or <c>session.Connection</c>), for what only it can do: COPY, LISTEN, large
    /// objects. Connects where nothing has yet, and begins the transaction, so that what runs there is in it. It passes no guard: on a slave the database's read-only
    /// mode refuses writes, and on the master it counts as having written. It is the request's only as long as the request runs, and must not be closed. Not thread-safe.
    /// </summary>
    /// <typeparam name="T">The provider's class of connections, such as <c>NpgsqlConnection</c>.</typeparam>
    /// <param name="connection">A routed connection; any other is given back as it is.</param>
    /// <returns>The open connection.</returns>
    /// <exception cref="InvalidOperationException">The connection is of another class.</exception>
    public static T GetProviderConnection<T>(this DbConnection connection)
        where T : DbConnection
    {
        ArgumentNullException.ThrowIfNull(connection);
        return As<T>(connection is RoutedConnection routed ? routed.Provider(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult() : connection);
    }

    /// <summary>Like <see cref="GetProviderConnection{T}"/>, without holding a thread while it connects.</summary>
    /// <typeparam name="T">The provider's class of connections, such as <c>NpgsqlConnection</c>.</typeparam>
    /// <param name="connection">A routed connection; any other is given back as it is.</param>
    /// <param name="cancellationToken">Ends the wait for a connection.</param>
    /// <returns>The open connection.</returns>
    /// <exception cref="InvalidOperationException">The connection is of another class.</exception>
    public static async ValueTask<T> GetProviderConnectionAsync<T>(this DbConnection connection, CancellationToken cancellationToken = default)
        where T : DbConnection
    {
        ArgumentNullException.ThrowIfNull(connection);
        return As<T>(connection is RoutedConnection routed ? await routed.Provider(async: true, cancellationToken) : connection);
    }

    private static T As<T>(DbConnection connection)
        where T : DbConnection => connection as T ?? throw new InvalidOperationException(
        $"The provider's connection is a {connection.GetType()}, not a {typeof(T)}. Where a driver wraps it, such as a profiler's, ask for that class and unwrap it as the driver's documentation says.");
}
