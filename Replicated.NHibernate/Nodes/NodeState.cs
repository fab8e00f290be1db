namespace Replicated.NHibernate.Nodes;

internal enum NodeState
{
    /// <summary>Not asked yet, or asked so long ago that it says nothing any more. Used.</summary>
    Unknown,

    /// <summary>It answered, as what it is configured to be. Used.</summary>
    Up,

    /// <summary>A slave that lacks what the master wrote longer ago than <c>MaxLag</c>.</summary>
    Lagging,

    /// <summary>It could not be connected to, or did not answer in time.</summary>
    Down,

    /// <summary>A slave that was promoted, or a master that follows another server.</summary>
    WrongRole,

    /// <summary>A slave of another cluster than the master.</summary>
    WrongCluster,

    /// <summary>A master that refuses writes. Read from, where the master is.</summary>
    ReadOnly,

    /// <summary>A slave that does not follow this master: of another timeline, or writable without being the master. A master that is a former one.</summary>
    NotFollowing,
}

internal static class NodeStateNames
{
    /// <summary>As metrics name it.</summary>
    public static string Name(this NodeState state) => state switch
    {
        NodeState.Unknown => "unknown",
        NodeState.Up => "up",
        NodeState.Lagging => "lagging",
        NodeState.Down => "down",
        NodeState.WrongRole => "wrong-role",
        NodeState.WrongCluster => "wrong-cluster",
        NodeState.ReadOnly => "read-only",
        NodeState.NotFollowing => "not-following",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, message: null),
    };
}

/// <summary>What is known of a node.</summary>
/// <param name="State">What it was found to be.</param>
/// <param name="Why">In words, for logs and the health check.</param>
/// <param name="Since">The clock's timestamp from which on it was found to be so.</param>
/// <param name="Until">The clock's timestamp from which on it is not known any more.</param>
internal sealed record NodeHealth(NodeState State, string Why, long Since, long Until)
{
    public static readonly NodeHealth Unknown = new(NodeState.Unknown, "it was not asked yet", long.MinValue, long.MaxValue);

    /// <summary>What it counts as by now: nobody may be shut out by an answer that nobody renewed.</summary>
    public NodeState At(long timestamp) => timestamp < Until ? State : NodeState.Unknown;

    public bool IsKnownAt(long timestamp) => State != NodeState.Unknown && timestamp < Until;

    public bool IsUsableAt(long timestamp) => At(timestamp) is NodeState.Up or NodeState.Unknown;

    /// <summary>Whether a master can be read from.</summary>
    public bool IsReadableAt(long timestamp) => At(timestamp) is NodeState.Up or NodeState.Unknown or NodeState.ReadOnly;
}
