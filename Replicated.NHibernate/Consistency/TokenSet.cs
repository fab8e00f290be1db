using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Consistency;

/// <summary>
/// What reads must see, of several tokens together. A write that has no place says nothing about the places of others, and the other way round,
/// so the highest of each kind counts.
/// </summary>
/// <param name="Placed">The highest place.</param>
/// <param name="Timed">The newest write that has no place.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct TokenSet(ConsistencyToken? Placed, ConsistencyToken? Timed)
{
    public bool IsEmpty => Placed is null && Timed is null;

    /// <summary>For a caller that has room for one.</summary>
    public ConsistencyToken? Single => ConsistencyToken.Later(Placed, Timed);

    public override string ToString() => Placed is { } placed && Timed is { } timed ? $"{placed}, {timed}" : Single?.ToString() ?? "";
}
