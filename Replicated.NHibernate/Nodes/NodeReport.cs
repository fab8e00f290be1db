using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>What a person hears of what was found out. Called under the lock of <see cref="Topology"/>.</summary>
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
