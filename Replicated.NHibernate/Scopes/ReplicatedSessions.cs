namespace Replicated.NHibernate.Scopes;

internal sealed class ReplicatedSessions(ScopeServices services, IScopeDiagnosis? diagnosis = null) : IReplicatedSessions
{
    public Route? CurrentRoute => AmbientScope.Of(services.Application) is { Scope: { } scope } ambient ? scope.RouteOf(ambient.Block) : null;

    public ConsistencyToken? CurrentToken => AmbientScope.Of(services.Application)?.Scope?.Token;

    public IDisposable UseMaster() => AmbientScope.BeginBlock(Ambient(diagnosis), DatabaseRole.Master);

    public IDisposable UseSlave() => AmbientScope.BeginBlock(Ambient(diagnosis), DatabaseRole.Slave);

    public void UseSnapshot()
    {
        var ambient = Ambient(diagnosis);
        ambient.Scope!.UseSnapshot(ambient.Block);
    }

    public IReplicatedScope BeginScope(DatabaseRole role = DatabaseRole.Master, ConsistencyToken? token = null, IServiceProvider? provider = null)
    {
        if (role is not (DatabaseRole.Master or DatabaseRole.Slave))
        {
            throw new ArgumentOutOfRangeException(nameof(role), role, "A scope is of the role Master or Slave.");
        }

        var owner = new ExplicitScopeOwner(new OperationName(WorkKind.Scope), role, isExplicit: true, services.HasSlaves, token, AmbientScope.Of(services.Application)?.Scope, provider);
        return new Scope(services, owner, ScopeKind.Explicit).Enter();
    }

    /// <summary>The current unit of work of the role in force.</summary>
    public static TUnit CurrentUnit<TUnit, TState>(IScopeDiagnosis? diagnosis, TState state, Func<RoleConnection, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        var ambient = Ambient(diagnosis);
        return ambient.Scope!.GetUnit(ambient.Block, state, create);
    }

    internal static AmbientScope Ambient(IScopeDiagnosis? diagnosis) => AmbientScope.Of(diagnosis) switch
    {
        { Scope: not null } ambient => ambient,
        { } ended => throw ScopeErrors.Ended(ended.Ended),
        null => throw ScopeErrors.NoScope(diagnosis?.WhyNoScope() ?? ScopeErrors.OutsideRequests),
    };
}

/// <summary>Knows what is missing where there is no scope; the web part knows of requests.</summary>
internal interface IScopeDiagnosis
{
    /// <summary>What is missing in the request that runs here; null where none runs.</summary>
    string? WhyNoScope();

    /// <summary>Whether the container scope is that of the request that runs here.</summary>
    bool IsOfRequest(object container);
}
