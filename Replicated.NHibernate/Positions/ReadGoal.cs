namespace Replicated.NHibernate.Positions;

/// <summary>What a read must see: everything up to a place, or, where no place can be told, whatever the master has.</summary>
internal readonly record struct ReadGoal(Position? Position, bool OnlyMaster)
{
    public static readonly ReadGoal None;

    public bool IsNone => Position is null && !OnlyMaster;
}
