using Replicated.NHibernate.Nodes.Balancing;

namespace Replicated.NHibernate.Nodes;

/// <summary>What the reads of this moment are chosen from, and how. Immutable.</summary>
/// <param name="Policy">Chooses one.</param>
/// <param name="Slaves">Those that may be used.</param>
/// <param name="Reads">The same, and the master where it takes a share.</param>
/// <param name="MaxFallbackSessions">How many reads the master takes over at most.</param>
/// <param name="Until">The timestamp at which something that is known of a node ends to be known.</param>
internal sealed record Choice(ILoadBalancingPolicy Policy, ReadCandidates Slaves, ReadCandidates Reads, int MaxFallbackSessions, long Until)
{
    public static Choice Of(NodeList nodes, ReplicatedOptions options, Node master, Node[] slaves, long now)
    {
        var usable = ReadCandidates.Of(slaves.Where(s => s.Health.IsUsableAt(now)));
        var takesShare = options.MasterReadWeight > 0 && slaves.Length > 0 && master.Health.IsReadableAt(now);
        return new Choice(
            nodes.Policy(options.LoadBalancing),
            usable,
            takesShare ? usable.With(master, options.MasterReadWeight) : usable,
            options.MaxFallbackSessions,
            slaves.Append(master).Where(n => !n.Health.IsUsableAt(now)).Select(n => n.Health.Until).DefaultIfEmpty(long.MaxValue).Min());
    }
}
