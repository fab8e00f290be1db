using System.Globalization;

namespace Replicated.NHibernate.Nodes;

/// <summary>What a server's answer makes it.</summary>
internal static class Judge
{
    public static (NodeState State, string Why) Of(Node node, ReplicationStatus status, TimeSpan lag, TimeSpan maxLag)
    {
        if (node.Role == DatabaseRole.Master)
        {
            return status.IsSlave
                ? (NodeState.WrongRole, "it follows another server and takes no writes")
                : (NodeState.Up, "it answers");
        }

        if (!status.IsSlave)
        {
            return node.HasFollowed
                ? (NodeState.WrongRole, "it follows no master any more: it was promoted")
                : (NodeState.Up, "it answers, but follows no master");
        }

        return lag > maxLag
            ? (NodeState.Lagging, string.Create(CultureInfo.InvariantCulture, $"it lacks what the master wrote {lag.TotalSeconds:0.#} s ago, which is more than MaxLag, {maxLag.TotalSeconds:0.#} s"))
            : (NodeState.Up, "it answers");
    }
}
