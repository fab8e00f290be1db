using System.Runtime.InteropServices;
using Replicated.NHibernate.Positions;

namespace Replicated.NHibernate.Nodes;

/// <summary>What a read asks of the server that is chosen for it.</summary>
/// <param name="Goal">What the read must see.</param>
/// <param name="Strict">A slave was asked for explicitly: never the master, better a slave that lacks the goal.</param>
/// <param name="Asks">Whether a slave that is not known to have reached the goal is asked.</param>
/// <param name="OnlySlaves">Never the master, and no slave that lacks the goal either.</param>
/// <param name="Tried">The servers that have failed the read already; null where none has.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ReadWish(ReadGoal Goal, bool Strict, bool Asks = true, bool OnlySlaves = false, List<Node>? Tried = null)
{
    public bool MayUseMaster => !Strict && !OnlySlaves;

    public ReadCandidates From(Choice choice)
    {
        var all = MayUseMaster ? choice.Reads : choice.Slaves;
        return Tried is { } tried ? all.Without(tried.Contains) : all;
    }
}
