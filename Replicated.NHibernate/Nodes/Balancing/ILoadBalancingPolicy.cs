using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate;

/// <summary>
/// Chooses one of several servers for a read. Register one of your own as a singleton (<c>services.AddSingleton&lt;ILoadBalancingPolicy, MyPolicy&gt;()</c>) and name it in
/// <c>Replicated:LoadBalancing</c>. Built in are <c>PowerOfTwoChoices</c>, <c>RoundRobin</c> and <c>Random</c>. Implementations are thread-safe and answer at once, from memory:
/// they run for every read.
/// </summary>
public interface ILoadBalancingPolicy
{
    /// <summary>The name that <c>Replicated:LoadBalancing</c> takes; compared with case. One of your own with a built-in name takes its place.</summary>
    string Name { get; }

    /// <summary>Chooses among servers that can all serve the read.</summary>
    /// <param name="candidates">At least one.</param>
    /// <returns>The index of the one chosen.</returns>
    int Pick(ReadCandidates candidates);
}

/// <summary>One server that a read may go to.</summary>
public readonly struct ReadCandidate
{
    private readonly Node _node;

    internal ReadCandidate(Node node, int weight) => (_node, Weight) = (node, weight);

    /// <summary>As configured, and as logs and metrics show it.</summary>
    public string Name => _node.Name;

    /// <summary>The role it is configured for; the master is a candidate where <c>MasterReadWeight</c> makes it one.</summary>
    public DatabaseRole Role => _node.Role;

    /// <summary>Its share of the reads, relative to the others: 1 to 100.</summary>
    public int Weight { get; }

    /// <summary>How many connections of this application are in use there at this moment, writes included.</summary>
    public int InUse => _node.InUse;
}
