using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>What a person hears of what was found out. Called under the lock of <see cref="NodeRegistry"/>.</summary>
internal sealed class NodeReport(ReplicatedMetrics metrics, ILogger logger)
{
    private bool _saidExchanged;
    private bool _saidAlone;

    public void Changed(Node node, NodeState former, NodeState state, string why)
    {
        if (state is not (NodeState.Up or NodeState.Unknown) && former is (NodeState.Up or NodeState.Unknown))
        {
            metrics.Ejected(node.Name, state.Name());
        }

        if (former == NodeState.Unknown && state == NodeState.Up)
        {
            logger.NodeFound(node.Name, state, former, why);
        }
        else
        {
            logger.NodeChanged(node.Name, state, former, why);
        }
    }

    /// <summary>A server answered for the first time. Not under the lock.</summary>
    public void Met(Node node, ReplicationStatus? status, bool hasNoPositions)
    {
        var server = status?.Server;
        logger.NodeMet(
            node.Name,
            node.Address ?? "an address that is not shown",
            status is not { } told ? "tells nothing of itself" : told.IsSlave ? "follows a master" : told.RefusesWrites ? "refuses writes" : "takes writes",
            server?.Address ?? "unknown",
            server?.Cluster ?? "unknown",
            hasNoPositions || status?.Position is null ? "off" : "on",
            node.IsReadOnlyModeOff ? "off" : "on",
            node.Role == DatabaseRole.Master ? "of no use" : hasNoPositions || node.IsSeveral || status?.Position is null ? "off" : "on");
    }

    /// <summary>What is probably a mistake in the configuration, once.</summary>
    public void Hint(Node node, ReplicationStatus told, Node master, Node[] slaves)
    {
        if (!_saidExchanged && master.Health.State == NodeState.WrongRole
            && Array.Find(slaves, s => s.Health.State != NodeState.Unknown && s.Health.State != NodeState.Down && !s.HasFollowed) is { } other)
        {
            _saidExchanged = true;
            logger.RolesExchanged(other.Name);
        }

        if (!_saidAlone && node.Role == DatabaseRole.Slave && !told.IsSlave && node.Health.State == NodeState.Up)
        {
            _saidAlone = true;
            logger.SlaveFollowsNobody(node.Name);
        }
    }
}
