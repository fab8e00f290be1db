namespace Replicated.NHibernate.Positions;

/// <summary>What a read must see.</summary>
/// <param name="Position">Everything up to a place.</param>
/// <param name="OnlyMaster">Where no place can be told: whatever the master has.</param>
/// <param name="Client">Who reads, where the same client is to have the same slave; 0 where it does not matter.</param>
internal readonly record struct ReadGoal(Position? Position, bool OnlyMaster, ulong Client = 0)
{
    public static readonly ReadGoal None;

    public bool IsNone => Position is null && !OnlyMaster;
}
