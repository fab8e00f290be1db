using System.Diagnostics;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

internal enum ScopeKind
{
    /// <summary>An HTTP request or a hub invocation: ends with one commit or rollback, after which it only reads.</summary>
    Request,

    /// <summary>Begun by <c>BeginScope</c>: transactional, may be committed several times.</summary>
    Explicit,

    /// <summary>Owned by a container scope without a request.</summary>
    Container,
}

/// <summary>
/// One unit of work: at most one connection per role, one slave node, one transaction on the master. Getting a unit is
/// thread-safe; the units are not.
/// </summary>
internal sealed partial class Scope(ScopeServices services, IScopeOwner owner, ScopeKind kind) : IReplicatedScope, IRoleHost
{
    private RoleConnection? _master;
    private RoleConnection? _slave;
    private AmbientScope? _ambient;
    private Dictionary<object, object?>? _kept;
    private bool _wantsSnapshot;
    private HandlerServices? _handlerServices;

    public ScopeServices Services { get; } = services;

    public ScopeKind Kind { get; } = kind;

    public IScopeOwner Owner => owner;

    /// <summary>Where somebody traces.</summary>
    public Activity? Activity { get; } = ReplicatedActivities.Scope();

    public OperationName Work => owner.Work;

    public IServiceProvider HandlerServices => LazyInitializer.EnsureInitialized(ref _handlerServices, () => new HandlerServices(() => owner.Services, Services.ScopeFactory)).Provider;

    /// <summary>Whether completing the scope needs no database, so that nobody waits for it.</summary>
    public bool CompletesAtOnce => _master is null && (_slave is null || !Services.Tokens.IsMonotonic);

    /// <summary>Whether work on the master runs in a transaction without anybody asking for one.</summary>
    public bool IsTransactional { get; } = kind == ScopeKind.Explicit || services.TransactionPerRequest;

    public bool DefersTransaction => Kind == ScopeKind.Container;

    /// <summary>Whether what the work reads is to be of one moment.</summary>
    public bool WantsSnapshot => _wantsSnapshot || owner.WantsSnapshot;

    public bool MayRepeat => Services.Settings.Value.Options.Repeat && owner.MayRepeat;

    /// <summary>Committed or rolled back for good: reading goes on, writing is refused.</summary>
    public bool IsSealed { get; private set; }

    public bool IsEnded { get; private set; }

    public bool IsReadOnlyVerb => owner.IsReadOnlyVerb;

    public DatabaseRole Role => owner.Decide(block: null).Role;

    public Route Route => RouteOf(block: null);

    public Route RouteOf(DatabaseRole? block)
    {
        var decision = owner.Decide(block);
        return Connection(decision.Role)?.Route ?? new Route(decision.Role, decision.Reason, Node: null);
    }

    /// <summary>The connection of a role, if a unit has asked for one.</summary>
    public RoleConnection? Connection(DatabaseRole role) => role == DatabaseRole.Master ? _master : _slave;

    public TUnit? Find<TUnit>(DatabaseRole role)
        where TUnit : class, IUnitOfWork => Connection(role)?.Find<TUnit>();

    /// <summary>What is read from now on is of one moment, that of the first statement to come.</summary>
    /// <exception cref="InvalidOperationException">The role in force has read already.</exception>
    public void UseSnapshot(DatabaseRole? block)
    {
        lock (owner)
        {
            if (IsEnded)
            {
                throw ScopeErrors.Ended(Work);
            }

            if (WantsSnapshot)
            {
                return;
            }

            if (Connection(owner.Decide(block).Role) is { HasRead: true })
            {
                throw ScopeErrors.LateSnapshot(Work);
            }

            _wantsSnapshot = true;
            try
            {
                _slave?.TakeSnapshot();
                _master?.TakeSnapshot();
            }
            catch
            {
                _wantsSnapshot = false;
                throw;
            }
        }
    }

    /// <summary>Makes the scope current for the caller and what it calls.</summary>
    public Scope Enter()
    {
        _ambient = AmbientScope.Begin(this);
        return this;
    }

    /// <summary>Makes it current again where the execution context did not flow; not to be left, because that context ends by itself.</summary>
    public void EnterAgain() => _ambient?.Resume();

    public TUnit GetUnit<TUnit, TState>(DatabaseRole? block, TState state, Func<RoleConnection, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        // The owner is the scope's alone and nobody outside sees it, unlike the scope itself.
        lock (owner)
        {
            if (IsEnded)
            {
                throw ScopeErrors.Ended(Work);
            }

            if (owner.IsReExecuted())
            {
                StartOver(async: false).AsTask().GetAwaiter().GetResult();
            }

            ThrowIfLeft();
            var decision = owner.Decide(block);
            ref var connection = ref _master;
            if (decision.Role == DatabaseRole.Slave)
            {
                connection = ref _slave;
            }

            connection ??= new RoleConnection(this, decision);
            connection.Require(decision);
            owner.Taken(decision);
            return connection.GetUnit(state, create);
        }
    }

    /// <summary>Something that another part keeps for as long as the scope lasts, by its own key; null takes it away.</summary>
    public void Keep(object key, object? value)
    {
        lock (owner)
        {
            (_kept ??= [])[key] = value;
        }
    }

    public object? Find(object key)
    {
        // Most scopes keep nothing.
        if (_kept is null)
        {
            return null;
        }

        lock (owner)
        {
            return _kept?.GetValueOrDefault(key);
        }
    }
}
