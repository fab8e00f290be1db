using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Consistency;

/// <summary>Which marks count, and what they ask of a read. Thread-safe.</summary>
internal sealed class MarkRules(CurrentSettings settings, NodePool pool, TimeProvider clock, ReplicatedMetrics metrics)
{
    // Clocks of several application servers differ; more than this is no difference of clocks.
    private static readonly TimeSpan MostClockDifference = TimeSpan.FromSeconds(5);

    private AfterWriteOptions Options => settings.Value.Options.AfterWrite;

    /// <summary>How positions are told, where they are in use.</summary>
    public ReplicationPositions? Positions => (Options.Mode == AfterWriteMode.Auto || IsMonotonic) && pool.HasSlaves ? pool.Positions : null;

    public bool IsOff => Options.Mode == AfterWriteMode.Off && !IsMonotonic;

    /// <summary>Whether reads are marked too, so that no later one goes back before them.</summary>
    public bool IsMonotonic => settings.Value.Options.MonotonicReads == MonotonicReadsMode.Exact && pool is { HasSlaves: true, Positions: not null };

    /// <summary>The mark that a client sent, or null where it does not count. Each kind is counted.</summary>
    public Mark? Accept(ReadOnlySpan<char> text)
    {
        if (IsOff)
        {
            return null;
        }

        var known = Mark.TryParse(text, out var mark);
        var kind = known ? KindOf(mark) : MarkKind.Malformed;
        metrics.MarkReceived(kind.Name());
        return kind == MarkKind.Accepted ? mark : null;
    }

    /// <summary>What a read must see, of a mark that was accepted; nothing once it is too old.</summary>
    public ReadGoal GoalOf(Mark? mark)
    {
        if (mark is not { } wanted || IsOff || KindOf(wanted) != MarkKind.Accepted)
        {
            return ReadGoal.None;
        }

        if (wanted.Position is { } position && Positions is not null)
        {
            return new ReadGoal(position, OnlyMaster: false);
        }

        return clock.GetUtcNow() - wanted.WrittenAt < Options.Window ? new ReadGoal(Position: null, OnlyMaster: true) : ReadGoal.None;
    }

    /// <summary>Whether no slave needs to be told any more what the client wrote.</summary>
    public bool IsPassed(Mark mark) => GoalOf(mark) is var goal && !goal.OnlyMaster && (goal.Position is not { } position || pool.AllArePast(position));

    /// <summary>The mark of a commit that wrote now.</summary>
    public Mark? Written(Position? position) => Options.Mode == AfterWriteMode.Off ? null : New(position);

    /// <summary>The mark of what was read now.</summary>
    public Mark? Read(Position position) => IsMonotonic ? New(position) : null;

    private Mark? New(Position? position) => pool.HasSlaves ? new Mark(clock.GetUtcNow(), position) : null;

    private MarkKind KindOf(Mark mark)
    {
        var age = clock.GetUtcNow() - mark.WrittenAt;
        return age > Options.MaxAge ? MarkKind.TooOld
            : age < -MostClockDifference ? MarkKind.Future
            : mark.Position is { } position && IsBeyondMaster(position, mark.WrittenAt) ? MarkKind.BeyondMaster
            : MarkKind.Accepted;
    }

    // What was written before the master was last asked lies behind what it said, unless another server has become the master meanwhile.
    private bool IsBeyondMaster(Position position, DateTimeOffset writtenAt) =>
        pool.Master.Reading is { } reading && reading.Position.Log == position.Log && position.Offset > reading.Position.Offset
        && writtenAt + MostClockDifference < reading.At;
}

internal enum MarkKind
{
    Accepted,
    Malformed,
    TooOld,
    Future,
    BeyondMaster,
}

internal static class MarkKindNames
{
    public static string Name(this MarkKind kind) => kind switch
    {
        MarkKind.Accepted => "accepted",
        MarkKind.Malformed => "malformed",
        MarkKind.TooOld => "too-old",
        MarkKind.Future => "future",
        MarkKind.BeyondMaster => "beyond-master",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
    };
}
