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
internal sealed class Scope(ScopeServices services, IScopeOwner owner, ScopeKind kind) : IReplicatedScope
{
    private readonly Lock _gate = new();
    private RoleConnection? _master;
    private RoleConnection? _slave;
    private AmbientScope? _ambient;
    private bool _commitsAtEnd;
    private Dictionary<object, object?>? _kept;
    private bool _isCommitted;

    public ScopeServices Services { get; } = services;

    public ScopeKind Kind { get; } = kind;

    public IScopeOwner Owner => owner;

    public WorkName Work => owner.Work;

    /// <summary>Whether completing the scope needs no database, so that nobody waits for it.</summary>
    public bool CompletesAtOnce => _master is null;

    /// <summary>Whether work on the master runs in a transaction without anybody asking for one.</summary>
    public bool IsTransactional { get; } = kind == ScopeKind.Explicit || services.TransactionPerRequest;

    /// <summary>Committed or rolled back for good: reading goes on, writing is refused.</summary>
    public bool IsSealed { get; private set; }

    public bool IsEnded { get; private set; }

    public DatabaseRole Role => owner.Decide(block: null).Role;

    public Route Route => RouteOf(block: null);

    public Route RouteOf(DatabaseRole? block)
    {
        var decision = owner.Decide(block);
        return Connection(decision.Role)?.Route ?? new Route(decision.Role, decision.Reason, Node: null);
    }

    /// <summary>The connection of a role, if a unit has asked for one.</summary>
    public RoleConnection? Connection(DatabaseRole role) => role == DatabaseRole.Master ? _master : _slave;

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
        lock (_gate)
        {
            if (IsEnded)
            {
                throw ScopeErrors.Ended(Work);
            }

            if (owner.StartsOver())
            {
                StartOver(async: false).AsTask().GetAwaiter().GetResult();
            }

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
        lock (_gate)
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

        lock (_gate)
        {
            return _kept?.GetValueOrDefault(key);
        }
    }

    public Task CommitAsync(CancellationToken cancellationToken = default) => Commit(async: true, cancellationToken).AsTask();

    public Task RollbackAsync() => Rollback(async: true).AsTask();

    public async ValueTask Commit(bool async, CancellationToken cancellationToken)
    {
        if (IsEnded)
        {
            throw ScopeErrors.Ended(Work);
        }

        if (IsSealed)
        {
            return;
        }

        try
        {
            // The slave first: if it holds changes that nobody would write, the master's must not be committed either.
            if (_slave is not null)
            {
                await _slave.RefusePendingChanges(async, cancellationToken);
                if (!_slave.IsNeeded)
                {
                    await _slave.Rollback(async);
                    await _slave.Release(async);
                }
            }

            if (_master is { IsReading: true, IsInTransaction: true } && Kind == ScopeKind.Request && IsTransactional)
            {
                // A response that is written while its rows are read. Nothing was written, so nothing waits for the commit.
                _commitsAtEnd = _master is { HasUncommittedWrites: false, HasPendingChanges: false } ? true : throw ScopeErrors.StillReading(Work);
            }
            else if (_master is not null && IsTransactional)
            {
                await _master.Commit(async, cancellationToken);
                Audit();
            }
        }
        catch
        {
            await Rollback(async);
            throw;
        }

        Complete(committed: true);
    }

    /// <summary>At the end of a request that could not commit before its response, because it was still reading.</summary>
    public async ValueTask CommitAfterReading()
    {
        if (_commitsAtEnd && _master is not null)
        {
            _commitsAtEnd = false;
            await _master.CommitAfterReading();
            Audit();
        }
    }

    public async ValueTask Rollback(bool async)
    {
        if (IsEnded || (IsSealed && !_commitsAtEnd))
        {
            return;
        }

        if (_slave is not null)
        {
            await _slave.Rollback(async);
            await _slave.Release(async);
        }

        if (_master is not null && IsTransactional)
        {
            await _master.Rollback(async);
            await _master.Release(async);
        }

        if (Kind != ScopeKind.Request)
        {
            // It goes on: no later commit is to write what the sessions still hold.
            _slave?.Forget();
            _master?.Forget();
        }

        Complete(committed: false);
    }

    /// <summary>Undoes what was not committed, and ends its sessions: what runs now has nothing to do with them.</summary>
    public async ValueTask StartOver(bool async)
    {
        var (master, slave) = (_master, _slave);
        (_master, _slave, _kept, IsSealed) = (null, null, null, false);
        if (slave is not null)
        {
            await slave.End(async);
        }

        if (master is not null)
        {
            await master.End(async);
        }
    }

    public void Dispose()
    {
        LeaveAmbient();
        End(async: false).AsTask().GetAwaiter().GetResult();
    }

    // Not async: an async method could not give its caller the former ambient scope back.
    public ValueTask DisposeAsync()
    {
        LeaveAmbient();
        return End(async: true);
    }

    private void Complete(bool committed)
    {
        _isCommitted = committed;
        _commitsAtEnd &= committed;
        IsSealed = Kind == ScopeKind.Request && IsTransactional;
        _master?.BeginAgain();
    }

    private void LeaveAmbient()
    {
        _ambient?.End(Work);
        _ambient = null;
    }

    private async ValueTask End(bool async)
    {
        lock (_gate)
        {
            if (IsEnded)
            {
                return;
            }

            IsEnded = true;
        }

        // What the application's listeners throw here must not keep the other connection from going back.
        try
        {
            if (_slave is not null)
            {
                await _slave.End(async);
            }
        }
        finally
        {
            if (_master is not null)
            {
                SayWhatIsLost(_master);
                await _master.End(async);
            }
        }
    }

    private void SayWhatIsLost(RoleConnection master)
    {
        if (IsSealed)
        {
            // After a rollback the changes are meant to be lost.
            if (_isCommitted && master.HasPendingChanges)
            {
                Services.Logger.ChangedAfterCommit(Work.ToString());
            }
        }
        else if (Kind != ScopeKind.Request && master.IsInTransaction && (master.HasUncommittedWrites || master.HasPendingChanges))
        {
            Services.Logger.UncommittedWritesRolledBack(Work.ToString());
        }
    }

    private void Audit()
    {
        if (_master is { Wrote: true, Route.Reason: RouteReason.Switch } && owner.IsReadOnlyVerb)
        {
            Services.Logger.WroteWithReadOnlyVerb(Work.ToString());
        }
    }
}
