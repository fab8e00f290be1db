using System.Data.Common;

namespace Replicated.NHibernate;

/// <summary>A connection that a scope has just taken, for <c>OnConnectionOpened</c>. Valid while the handler runs; not thread-safe.</summary>
public sealed class ConnectionOpenedContext
{
    internal ConnectionOpenedContext(DbConnection connection, DatabaseRole role, string node, IServiceProvider services) =>
        (Connection, Role, Node, Services) = (connection, role, node, services);

    /// <summary>The provider's own connection, open and without a transaction. On a slave it is in the database's read-only mode. Do not close it.</summary>
    public DbConnection Connection { get; }

    /// <summary>The role of the work that takes it.</summary>
    public DatabaseRole Role { get; }

    /// <summary>The configured name of the server that it leads to.</summary>
    public string Node { get; }

    /// <summary>
    /// The request's services; those of the hub's invocation, of the container scope, or what <c>BeginScope</c> was given. A scope that was begun elsewhere has a
    /// container scope of its own for them. The scope's sessions cannot be used here: they wait for this connection.
    /// </summary>
    public IServiceProvider Services { get; }
}
