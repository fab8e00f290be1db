using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Consistency;

/// <summary>Which tokens count, and what they ask of a read. Thread-safe.</summary>
internal sealed class TokenValidator(OptionsSnapshot settings, NodePool pool, TimeProvider clock, ReplicatedMetrics metrics) : ITokenOrder
{
    // Clocks of several application servers differ; more than this is no difference of clocks.
    private static readonly TimeSpan MostClockDifference = TimeSpan.FromSeconds(5);

    private ReadYourWritesOptions Options => settings.Value.Options.ReadYourWrites;

    /// <summary>How positions are told, where they are in use.</summary>
    public ReplicationPositions? Positions => (Options.Mode == ReadYourWritesMode.Auto || IsMonotonic) && pool.HasSlaves ? pool.Positions : null;

    public bool IsOff => Options.Mode == ReadYourWritesMode.Off && !IsMonotonic;

    /// <summary>Whether reads are tokened too, so that no later one goes back before them.</summary>
    public bool IsMonotonic => settings.Value.Options.MonotonicReads == MonotonicReadsMode.Exact && pool is { HasSlaves: true, Positions: not null };

    /// <summary>The token that a client sent, or null where it does not count. Each kind is counted.</summary>
    public ConsistencyToken? Accept(ReadOnlySpan<char> text)
    {
        if (IsOff)
        {
            return null;
        }

        var known = ConsistencyToken.TryParse(text, out var token);
        var kind = known ? KindOf(token) : TokenKind.Malformed;
        metrics.TokenReceived(kind.Name());
        return kind == TokenKind.Accepted ? token : null;
    }

    /// <summary>What a read must see, of a token that was accepted; nothing once it is too old.</summary>
    public ReadGoal GoalOf(ConsistencyToken? token)
    {
        if (token is not { } wanted || IsOff || KindOf(wanted) != TokenKind.Accepted)
        {
            return ReadGoal.None;
        }

        if (wanted.Position is { } position && Positions is not null)
        {
            return new ReadGoal(position, OnlyMaster: false);
        }

        return clock.GetUtcNow() - wanted.WrittenAt < Options.Window ? new ReadGoal(Position: null, OnlyMaster: true) : ReadGoal.None;
    }

    /// <summary>What a read must see of all tokens: while only the master can tell, it has the place as well.</summary>
    public ReadGoal GoalOf(TokenSet tokens) => GoalOf(tokens.Timed) is { OnlyMaster: true } master ? master : GoalOf(tokens.Placed);

    public TokenSet With(TokenSet tokens, ConsistencyToken? another) =>
        another is not { } token ? tokens
        : token.Position is null ? tokens with { Timed = ConsistencyToken.Later(tokens.Timed, token) }
        : tokens with { Placed = Higher(tokens.Placed, token) };

    public TokenSet With(TokenSet tokens, TokenSet others) => With(With(tokens, others.Placed), others.Timed);

    /// <inheritdoc />
    /// <remarks>
    /// A token without a place covers none with one: once its window is over, only the place holds reads back. Of two without one the newer asks for
    /// all that the older one does.
    /// </remarks>
    public bool Covers(ConsistencyToken own, ConsistencyToken other) => (own.Position, other.Position) switch
    {
        ({ } here, { } there) => AreOfOneLog(here, there) ? here.Offset >= there.Offset : Positions is not null && pool.IsReached(there, here),
        (null, null) => own.WrittenAt >= other.WrittenAt,
        _ => false,
    };

    /// <inheritdoc />
    /// <remarks>A token that is ignored for another reason than its age may count later, when this process knows more of the master.</remarks>
    public bool IsPassed(ConsistencyToken token) => KindOf(token) switch
    {
        TokenKind.TooOld => true,
        TokenKind.Accepted => GoalOf(token) is { OnlyMaster: false } goal && (goal.Position is not { } position || pool.AllArePast(position)),
        _ => false,
    };

    /// <summary>The token of a commit that wrote now.</summary>
    public ConsistencyToken? Written(Position? position)
    {
        if (position is { } place)
        {
            pool.Committed(place);
        }

        return Options.Mode == ReadYourWritesMode.Off ? null : New(position);
    }

    /// <summary>The token of what was read now.</summary>
    public ConsistencyToken? Read(Position position) => IsMonotonic ? New(position) : null;

    // Of two logs both count where they stand beside each other. Otherwise the one that has the other's place is higher; where neither has, the newer write.
    private ConsistencyToken Higher(ConsistencyToken? former, ConsistencyToken token) =>
        former is not { Position: { } there } highest || token.Position is not { } here ? token
        : AreOfOneLog(here, there) ? ConsistencyToken.Max(highest, token)
        : Positions?.Union(there, here) is { } both ? ConsistencyToken.Max(highest with { Position = null }, token with { Position = null }) with { Position = both }
        : Covers(token, highest) == Covers(highest, token) ? ConsistencyToken.Max(highest, token)
        : Covers(token, highest) ? token : highest;

    private ConsistencyToken? New(Position? position) => pool.HasSlaves ? new ConsistencyToken(clock.GetUtcNow(), position is { Logs: > ConsistencyToken.MostLogs } ? null : position) : null;

    private static bool AreOfOneLog(Position one, Position other) => one.Log == other.Log && one.Logs == 1 && other.Logs == 1;

    private TokenKind KindOf(ConsistencyToken token)
    {
        var age = clock.GetUtcNow() - token.WrittenAt;
        return age > Options.TokenLifetime ? TokenKind.TooOld
            : age < -MostClockDifference ? TokenKind.Future
            : token.Position is { } position && IsBeyondMaster(position, token.WrittenAt) ? TokenKind.BeyondMaster
            : TokenKind.Accepted;
    }

    // What was written before the master was last asked lies behind what it said, unless another server has become the master meanwhile.
    private bool IsBeyondMaster(Position position, DateTimeOffset writtenAt) =>
        pool.Master.Reading is { } reading && writtenAt + MostClockDifference < reading.At
        && (position.Logs == 1 ? position.Offset > reading.Position.OffsetIn(position.Log) : IsBeyond(position, reading.Position));

    // Apart, because what it captures would be allocated for a place in one log too.
    private static bool IsBeyond(Position position, Position master) => position.Places.Any(p => p.Offset > master.OffsetIn(p.Log));
}

internal enum TokenKind
{
    Accepted,
    Malformed,
    TooOld,
    Future,
    BeyondMaster,
}

internal static class TokenKindNames
{
    public static string Name(this TokenKind kind) => kind switch
    {
        TokenKind.Accepted => "accepted",
        TokenKind.Malformed => "malformed",
        TokenKind.TooOld => "too-old",
        TokenKind.Future => "future",
        TokenKind.BeyondMaster => "beyond-master",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null),
    };
}
