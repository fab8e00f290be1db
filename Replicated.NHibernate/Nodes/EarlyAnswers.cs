using System.Collections.Concurrent;

namespace Replicated.NHibernate.Nodes;

/// <summary>What slaves said before the master had answered: what it makes of them shows only then. Thread-safe.</summary>
internal sealed class EarlyAnswers
{
    private readonly ConcurrentDictionary<Node, ReplicationStatus> _answers = new();

    public void Note(Node node, NodeState state, ReplicationStatus told)
    {
        if (state == NodeState.Unknown)
        {
            _answers[node] = told;
        }
    }

    /// <summary>Gives each of them once, as soon as something is known of the master.</summary>
    public IEnumerable<(Node Slave, ReplicationStatus Told)> Take(Node master)
    {
        foreach (var slave in master.Health.State == NodeState.Unknown ? [] : _answers.Keys)
        {
            if (_answers.TryRemove(slave, out var told))
            {
                yield return (slave, told);
            }
        }
    }
}
