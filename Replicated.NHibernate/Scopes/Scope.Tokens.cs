using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Positions;

namespace Replicated.NHibernate.Scopes;

/// <summary>What the scope's reads must see, and what others must see of its writes.</summary>
internal sealed partial class Scope
{
    private bool _askedOwner;
    private TokenSet _tokens;

    public TokenSet Tokens => AsksOwner();

    public ConsistencyToken? Token => Tokens.Single;

    /// <summary>Goes up with each commit that wrote: a slave that was good enough before may not be any more.</summary>
    public int Commits { get; private set; }

    public ReadGoal Goal => (AsksOwner() is { IsEmpty: false } tokens ? Services.Tokens.GoalOf(tokens) : ReadGoal.None) with { Client = owner.Client };

    public bool UsesMaster => _master is not null;

    public ValueTask TellMastersWrites(bool isExplicit, bool async) =>
        _master is not { } master ? ValueTask.CompletedTask
        : !master.IsInTransaction ? master.Tokens.TellWrites(async)
        : isExplicit || IsSealed || !(master.HasUncommittedWrites || master.HasPendingChanges) ? ValueTask.CompletedTask
        : throw ScopeErrors.ReadBesideWrite(Work, isCommitted: false);

    /// <summary>A commit wrote; where the place is not known, only time can tell who has it.</summary>
    public void NoteCommit(Position? position)
    {
        if (Services.Tokens.Written(position) is { } token)
        {
            // What the client brought was written before, whatever another machine's clock said then. A time alone does not say so.
            (_tokens, Commits) = (Services.Tokens.With(position is null ? AsksOwner() : default, token), Commits + 1);
            _askedOwner = true;
            owner.PublishToken(token, TokenOf.Commit);
        }
    }

    /// <summary>A place up to which the scope has read.</summary>
    public void NoteRead(Position position)
    {
        if (Services.Tokens.Read(position) is { } token)
        {
            _tokens = Services.Tokens.With(AsksOwner(), token);
            if (!Services.Tokens.IsPassed(token))
            {
                owner.PublishToken(token, TokenOf.Read);
            }
        }
    }

    /// <summary>A scope that was begun within this one wrote, or read: whoever waits for this one did.</summary>
    public void MergeNestedToken(ConsistencyToken token)
    {
        (_tokens, Commits) = (Services.Tokens.With(AsksOwner(), token), Commits + 1);
        owner.PublishToken(token, TokenOf.ScopeWithin);
    }

    // Only when somebody reads from a slave or writes: most requests carry no token and need none.
    private TokenSet AsksOwner()
    {
        if (!_askedOwner)
        {
            (_askedOwner, _tokens) = (true, owner.Tokens);
        }

        return _tokens;
    }
}
