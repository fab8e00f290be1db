using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes.Balancing;

internal sealed class RandomPolicy : ILoadBalancingPolicy
{
    public string Name => LoadBalancingNames.Random;

    public int Pick(ReadCandidates candidates) => candidates.IndexOf(Random.Shared.Next(candidates.TotalWeight));
}

internal sealed class RoundRobinPolicy : ILoadBalancingPolicy
{
    private uint _next;

    public string Name => LoadBalancingNames.RoundRobin;

    public int Pick(ReadCandidates candidates) => candidates.IndexOf((int)((Interlocked.Increment(ref _next) - 1) % (uint)candidates.TotalWeight));
}

/// <summary>Of two drawn by weight, the one with fewer connections in use for its weight.</summary>
internal sealed class PowerOfTwoChoicesPolicy : ILoadBalancingPolicy
{
    public string Name => LoadBalancingNames.PowerOfTwoChoices;

    public int Pick(ReadCandidates candidates)
    {
        if (candidates.Count == 1)
        {
            return 0;
        }

        // One number for both draws: asking for it is what costs.
        var number = Random.Shared.NextInt64();
        var first = candidates.IndexOf(Ticket(number, candidates.TotalWeight));
        var second = candidates.IndexOf(Ticket(number >> 31, candidates.TotalWeight));
        var nodes = candidates.Nodes;
        var weights = candidates.Weights;
        return (long)nodes[second].InUse * weights[first] < (long)nodes[first].InUse * weights[second] ? second : first;
    }

    private static int Ticket(long number, int tickets) => (int)(((number & int.MaxValue) * tickets) >> 31);
}
