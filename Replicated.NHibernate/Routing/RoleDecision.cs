namespace Replicated.NHibernate.Routing;

/// <summary>What decides over a role. Null means: says nothing.</summary>
internal readonly record struct RoleQuestion(
    DatabaseRole? Block,
    DatabaseRole? Endpoint,
    bool EndpointKnown,
    bool ReadOnlyMethod,
    bool AutoReadOnSlave,
    bool HasSlaves);

/// <summary>A role, why, and whether somebody asked for it in so many words (then a slave is never replaced by the master).</summary>
internal readonly record struct RoleDecision(DatabaseRole Role, RouteReason Reason, bool IsExplicit)
{
    /// <summary>Innermost block, most specific attribute, kill switch, verb: the first that speaks decides.</summary>
    public static RoleDecision Of(in RoleQuestion question)
    {
        RoleDecision wanted =
            question.Block is { } block ? new(block, RouteReason.Block, IsExplicit: true)
            : question.Endpoint is { } endpoint ? new(endpoint, RouteReason.Attribute, IsExplicit: true)
            : !question.EndpointKnown ? new(DatabaseRole.Master, RouteReason.BeforeRouting, IsExplicit: false)
            : !question.AutoReadOnSlave ? new(DatabaseRole.Master, RouteReason.Switch, IsExplicit: false)
            : new(question.ReadOnlyMethod ? DatabaseRole.Slave : DatabaseRole.Master, RouteReason.Verb, IsExplicit: false);

        return wanted.OrMasterWithoutSlaves(question.HasSlaves);
    }

    public RoleDecision OrMasterWithoutSlaves(bool hasSlaves) =>
        Role == DatabaseRole.Slave && !hasSlaves
            ? new(DatabaseRole.Master, RouteReason.NoSlave, IsExplicit)
            : this;
}
