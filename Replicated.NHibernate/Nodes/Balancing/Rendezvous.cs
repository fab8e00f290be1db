namespace Replicated.NHibernate.Nodes.Balancing;

/// <summary>
/// The same node for the same client, in every process, by weight; when a node goes, only its own clients move. (Weighted rendezvous hashing.)
/// </summary>
internal static class Rendezvous
{
    public static int Pick(ReadOnlySpan<Node> nodes, ReadOnlySpan<int> weights, ulong client)
    {
        var (best, highest) = (0, double.NegativeInfinity);
        for (var i = 0; i < nodes.Length; i++)
        {
            // Uniform over (0, 1], so that each node wins in proportion to its weight.
            var share = ((Mixed(client ^ nodes[i].NameHash) >> 11) + 1) * (1.0 / (1UL << 53));
            var score = weights[i] / -Math.Log(share);
            if (score > highest)
            {
                (best, highest) = (i, score);
            }
        }

        return best;
    }

    /// <summary>A hash that is the same in every process, unlike the runtime's own.</summary>
    public static ulong HashOf(ReadOnlySpan<char> text)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        return Mixed(hash);
    }

    private static ulong Mixed(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
        return value ^ (value >> 31);
    }
}
