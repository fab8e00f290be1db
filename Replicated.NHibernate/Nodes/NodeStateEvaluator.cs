using System.Globalization;
using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Nodes;

/// <summary>What is known of the others when a server's answer is judged.</summary>
/// <param name="Master">Which server the master is; null where it has not said so.</param>
/// <param name="IsMasterAsked">Whether the master has answered, or was found not to.</param>
/// <param name="MasterLog">Which log it writes; null while no master is known, or where logs tell nothing.</param>
/// <param name="Newest">The slave that follows the newest log, and that log; null where none follows any, or where logs tell nothing.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Others(ServerIdentity? Master, bool IsMasterAsked, UInt128? MasterLog, (string Name, UInt128 Log)? Newest)
{
    public static Others Beside(Node judged, Node master, Node[] slaves, UInt128? masterLog)
    {
        (string Name, UInt128 Log)? newest = null;
        foreach (var slave in judged.Role == DatabaseRole.Master && masterLog is not null ? slaves : [])
        {
            var isOfCluster = slave is { IsFollowing: true, Server: { } server } && !(master.Server is { } known && server.IsOtherCluster(known));
            newest = isOfCluster && slave.Reading is { Position.Log: var log } && !(log <= newest?.Log) ? (slave.Name, log) : newest;
        }

        return new Others(master.Server, master.Health.State != NodeState.Unknown, masterLog, newest);
    }
}

/// <summary>What a server's answer makes it.</summary>
internal static class NodeStateEvaluator
{
    public static (NodeState State, string Why) Of(Node node, ReplicationStatus status, TimeSpan maxLag, Others others) =>
        node.Role == DatabaseRole.Master ? OfMaster(status, others)
        : node.Server is { } server && others.Master is { } master && server.IsOtherCluster(master)
            ? (NodeState.WrongCluster, $"it is a server of another cluster (system identifier {server.Cluster}) than the master ({master.Cluster})")
        : node.Server is not null && !node.HasMastersAddress && !others.IsMasterAsked && (status.IsSlave || !node.HasFollowed)
            ? (NodeState.Unknown, "the master has not said yet which cluster it is of")
        : status.IsSlave ? OfSlave(node, maxLag, others)
        : OfWritable(node, others);

    private static (NodeState State, string Why) OfMaster(ReplicationStatus status, Others others) =>
        status.IsSlave ? (NodeState.WrongRole, "it follows another server and takes no writes")
        : status.Position is { } place && others.Newest is { } newest && newest.Log > place.Log
            ? (NodeState.NotFollowing, string.Create(CultureInfo.InvariantCulture, $"it is a former master: {newest.Name} follows timeline {newest.Log}, and it writes timeline {place.Log}; what is written on it would be lost"))
        : status.RefusesWrites ? (NodeState.ReadOnly, "it refuses writes: default_transaction_read_only is on")
        : (NodeState.Up, "it answers");

    private static (NodeState State, string Why) OfSlave(Node node, TimeSpan maxLag, Others others) =>
        others.MasterLog is { } log && node.OtherLogThan == log
            ? (NodeState.NotFollowing, string.Create(CultureInfo.InvariantCulture, $"it has not the log of the master, which writes timeline {log}: it follows another server"))
        : node.Lag > maxLag
            ? (NodeState.Lagging, string.Create(CultureInfo.InvariantCulture, $"it lacks what the master wrote {node.Lag.TotalSeconds:0.#} s ago, which is more than MaxLag, {maxLag.TotalSeconds:0.#} s"))
        : (NodeState.Up, "it answers");

    private static (NodeState State, string Why) OfWritable(Node node, Others others) =>
        node.HasFollowed ? (NodeState.WrongRole, "it follows no master any more: it was promoted")
        : node.HasMastersAddress || node.Server is not { } server ? (NodeState.Up, "it answers, but follows no master")
        : others.Master is { } master && server.IsSameServer(master) ? (NodeState.WrongRole, "it is the master itself")
        : (NodeState.NotFollowing, others.Master is null ? "it follows no master, and which server the master is is not known" : "it follows no master, and is not the master itself");
}
