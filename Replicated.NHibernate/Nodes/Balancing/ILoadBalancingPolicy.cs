using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes.Balancing;

/// <summary>Chooses one of several nodes, at once and from memory. Thread-safe.</summary>
internal interface ILoadBalancingPolicy
{
    string Name { get; }

    /// <summary>Chooses among at least one candidate; <paramref name="weights"/> runs parallel to it.</summary>
    int Pick(ReadOnlySpan<Node> candidates, ReadOnlySpan<int> weights);
}

internal static class Weighted
{
    public static int Sum(ReadOnlySpan<int> weights)
    {
        var sum = 0;
        foreach (var weight in weights)
        {
            sum += weight;
        }

        return sum;
    }

    /// <summary>The index that a ticket of 0 to the sum of the weights falls on.</summary>
    public static int At(ReadOnlySpan<int> weights, int ticket)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            ticket -= weights[i];
            if (ticket < 0)
            {
                return i;
            }
        }

        return weights.Length - 1;
    }
}

internal sealed class RandomPolicy : ILoadBalancingPolicy
{
    public string Name => LoadBalancingNames.Random;

    public int Pick(ReadOnlySpan<Node> candidates, ReadOnlySpan<int> weights) =>
        Weighted.At(weights, Random.Shared.Next(Weighted.Sum(weights)));
}

internal sealed class RoundRobinPolicy : ILoadBalancingPolicy
{
    private uint _next;

    public string Name => LoadBalancingNames.RoundRobin;

    public int Pick(ReadOnlySpan<Node> candidates, ReadOnlySpan<int> weights) =>
        Weighted.At(weights, (int)((Interlocked.Increment(ref _next) - 1) % (uint)Weighted.Sum(weights)));
}

/// <summary>Of two drawn by weight, the one with fewer connections in use for its weight.</summary>
internal sealed class PowerOfTwoChoicesPolicy : ILoadBalancingPolicy
{
    public string Name => LoadBalancingNames.PowerOfTwoChoices;

    public int Pick(ReadOnlySpan<Node> candidates, ReadOnlySpan<int> weights)
    {
        if (candidates.Length == 1)
        {
            return 0;
        }

        var sum = Weighted.Sum(weights);
        var first = Weighted.At(weights, Random.Shared.Next(sum));
        var second = Weighted.At(weights, Random.Shared.Next(sum));
        return (long)candidates[second].InUse * weights[first] < (long)candidates[first].InUse * weights[second] ? second : first;
    }
}
