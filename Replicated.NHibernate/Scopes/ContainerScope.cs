namespace Replicated.NHibernate.Scopes;

/// <summary>
/// What a container scope hands out sessions from: the request's scope where it is a request's container scope, otherwise a scope
/// of its own on the master, which it ends. Not thread-safe, like the container scope's other services.
/// </summary>
internal sealed class ContainerScope(ScopeServices services, IServiceProvider provider, IScopeDiagnosis? diagnosis = null) : IAsyncDisposable, IDisposable
{
    private Scope? _scope;
    private bool _isOwn;

    /// <summary>The scope in use, a new one where there is none.</summary>
    public Scope Scope
    {
        get
        {
            // A scope that was begun in so many words counts for everything that is created inside it.
            if (AmbientScope.Of(services.Application)?.Scope is { Kind: ScopeKind.Explicit } begun)
            {
                return begun;
            }

            // Not attached, but the request's: no middleware began a scope, or CreateScopeForErrors gave the request a second container scope.
            if (_scope is null && diagnosis?.IsOfRequest(this) == true)
            {
                return ReplicatedSessions.Ambient(diagnosis).Scope!;
            }

            if (_scope is null)
            {
                var owner = new ExplicitScopeOwner(new OperationName(WorkKind.ContainerScope), DatabaseRole.Master, isExplicit: false, services.HasSlaves, around: AmbientScope.Of(services.Application)?.Scope, services: provider);
                (_scope, _isOwn) = (new Scope(services, owner, ScopeKind.Container), true);
            }

            return _scope;
        }
    }

    /// <summary>The scope for whoever asks the container: the container disposes what it hands out, and must not end what it did not begin.</summary>
    public IReplicatedScope Lent => new NonOwningScope(Scope);

    /// <summary>The scope that this container scope made by itself, if it did.</summary>
    public Scope? Own => _isOwn ? _scope : null;

    /// <param name="scope">What sessions are handed out from.</param>
    /// <param name="owned">Whether it ends with the container scope.</param>
    public void Attach(Scope scope, bool owned = false) => (_scope, _isOwn) = (scope, owned);

    public TUnit GetUnit<TUnit, TState>(TState state, Func<RoleConnection, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        var scope = Scope;
        var block = AmbientScope.Of(services.Application) is { } ambient && ReferenceEquals(ambient.Scope, scope) ? ambient.Block : null;
        return scope.GetUnit(block, state, create);
    }

    public void Dispose() => Own?.Dispose();

    public ValueTask DisposeAsync() => Own?.DisposeAsync() ?? ValueTask.CompletedTask;

    private sealed class NonOwningScope(Scope scope) : IReplicatedScope
    {
        public ConsistencyToken? Token => scope.Token;

        public DatabaseRole Role => scope.Role;

        public Route Route => scope.Route;

        public Task CommitAsync(CancellationToken cancellationToken = default) => scope.CommitAsync(cancellationToken);

        public Task RollbackAsync() => scope.RollbackAsync();

        public void SetRollbackOnly() => scope.SetRollbackOnly();

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
