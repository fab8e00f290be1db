using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>Where a token comes from.</summary>
internal enum TokenOf
{
    /// <summary>A commit of the scope, or of the application in it.</summary>
    Commit,

    /// <summary>A commit of a scope that was begun within it, or the read of one.</summary>
    ScopeWithin,

    /// <summary>A read, where reads are not to go back.</summary>
    Read,
}

/// <summary>What a scope belongs to: it decides the role and gives the work its name.</summary>
internal interface IScopeOwner
{
    OperationName Work { get; }

    /// <summary>Whether the work's verb says that it only reads.</summary>
    bool IsReadOnlyVerb { get; }

    RoleDecision Decide(DatabaseRole? block);

    /// <summary>The services of the work; null where it has none of its own.</summary>
    IServiceProvider? Services => null;

    /// <summary>Whether the work asks for one snapshot of all that it reads.</summary>
    bool WantsSnapshot => false;

    /// <summary>Whether a statement of the work may be sent once more where its connection is lost.</summary>
    bool MayRepeat => true;

    /// <summary>What the work's reads must see from the start. Asked once, when the first of them connects to a slave.</summary>
    TokenSet Tokens => default;

    /// <summary>Who reads, where the same client is to have the same slave; 0 where it does not matter.</summary>
    ulong Client => 0;

    /// <summary>What the client's next reads must see: a commit of the work wrote, or reads are not to go back.</summary>
    void PublishToken(ConsistencyToken token, TokenOf source)
    {
    }

    /// <summary>Whether the work failed and is being done again since the last time this was asked; an error page is.</summary>
    bool IsReExecuted() => false;

    /// <summary>A unit of work was given out on this decision.</summary>
    void Taken(RoleDecision decision)
    {
    }
}

/// <summary>Work outside a request, or beside one: the role was said when the scope began. The client of the request around it reads and writes.</summary>
internal sealed class ExplicitScopeOwner(OperationName work, DatabaseRole role, bool isExplicit, bool hasSlaves, ConsistencyToken? token = null, Scope? around = null, IServiceProvider? services = null) : IScopeOwner
{
    public OperationName Work { get; } = work;

    public IServiceProvider? Services => services ?? (around is { IsEnded: false } ? around.HandlerServices : null);

    public bool IsReadOnlyVerb => false;

    public TokenSet Tokens => around is null ? new(token is { Position: not null } ? token : null, token is { Position: null } ? token : null) : around.Services.Tokens.With(around.Tokens, token);

    public void PublishToken(ConsistencyToken token, TokenOf source) => around?.MergeNestedToken(token);

    public RoleDecision Decide(DatabaseRole? block) =>
        (block is { } inBlock
            ? new RoleDecision(inBlock, RouteReason.Block, IsExplicit: true)
            : new RoleDecision(role, RouteReason.Scope, isExplicit)).OrMasterWithoutSlaves(hasSlaves);
}
