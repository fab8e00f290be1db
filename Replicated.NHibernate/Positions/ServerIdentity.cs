namespace Replicated.NHibernate;

/// <summary>Which server answered, by its own word, whatever address leads to it.</summary>
/// <param name="Cluster">
/// What a master and all its copies have in common and no other server has: PostgreSQL's system identifier. <see langword="null"/> where it is not told.
/// </param>
/// <param name="Instance">What no other server has, and this one no more after a restart. Compared as it is, and never shown.</param>
/// <param name="Address">Host and port as the server sees them, for logs; <see langword="null"/> where it is not told.</param>
public sealed record ServerIdentity(string? Cluster, string Instance, string? Address)
{
    /// <summary>Whether two answers came from one server.</summary>
    internal bool IsSameServer(ServerIdentity other) => Instance == other.Instance && !IsOtherCluster(other);

    /// <summary>Whether two servers are known to hold different databases.</summary>
    internal bool IsOtherCluster(ServerIdentity other) => Cluster is not null && other.Cluster is not null && Cluster != other.Cluster;
}
