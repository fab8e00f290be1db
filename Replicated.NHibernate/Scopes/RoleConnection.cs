using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// The connection that everything of one role shares within a scope, and the node it is pinned to. Opened with the first statement. Not thread-safe, like a connection.
/// </summary>
internal sealed partial class RoleConnection : ConnectionTarget
{
    private readonly RoleWork _work;
    private RoleDecision _decision;
    private int _knownCommits;
    private int _isOpening;

    public RoleConnection(IRoleHost scope, RoleDecision decision)
    {
        _decision = decision;
        _work = new RoleWork(scope, decision.Role, onlyReads: decision.Role == DatabaseRole.Slave || decision.Reason == RouteReason.NoSlave);
        Connection = new RoutedConnection(this);
    }

    /// <summary>What everything of the role works on.</summary>
    public RoutedConnection Connection { get; }

    public RoleCompletion Completion => new(_work);

    public RoleTokens Tokens => new(_work);

    public IRoleHost Scope => _work.Host;

    public IReadOnlyList<IUnitOfWork> Units => _work.Units.All;

    public Route Route => new(Role, _decision.Reason, _work.Lease.Node?.Name);

    /// <summary>Whether a write was seen, by a statement that writes or by the database's word.</summary>
    public bool Wrote => _work.Writes.Any;

    /// <summary>Whether a statement that writes has run since the last commit.</summary>
    public bool HasUncommittedWrites => _work.Writes.HasUncommitted;

    public bool HasPendingChanges => _work.HasPendingChanges;

    public bool IsInTransaction => _work.Transaction.IsBegun;

    /// <summary>Whether the database knows of the transaction.</summary>
    public bool IsPhysical => _work.Transaction.Physical is not null;

    public bool IsTheApplications => _work.Transaction.IsTheApplications;

    public bool IsAutomatic => _work.IsAutomatic;

    public bool IsJoined => _work.IsJoined;

    /// <summary>Whether a statement runs at this moment: of a flow that asks for the next row while the last is written, or that was forgotten.</summary>
    public bool IsRunning => _work.Gate.IsRunning;

    public bool IsReading => _work.IsReading;

    /// <summary>Whether a unit would lose rows that it still works on, were the connection given back.</summary>
    public bool IsNeeded => IsReading || _work.Units.AreReading;

    /// <summary>Whether statements have run whose moment a snapshot could not share any more.</summary>
    public bool HasRead => _work.Lease.Opened is not null;

    public TUnit? Find<TUnit>()
        where TUnit : class, IUnitOfWork => _work.Units.Find<TUnit>();

    public TUnit GetUnit<TUnit, TState>(TState state, Func<RoleConnection, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        ObjectDisposedException.ThrowIf(_work.Gate.Refuses, this);
        var (unit, isNew) = _work.Units.Get(this, state, create);
        if (isNew)
        {
            _work.BeginFor(unit);
            _work.Units.Opened(unit);
        }

        return unit;
    }

    /// <summary>An explicit wish for a slave must not end on the master that stands in for one.</summary>
    public void Require(RoleDecision decision)
    {
        if (!decision.IsExplicit || _decision.IsExplicit || Role != DatabaseRole.Slave)
        {
            return;
        }

        if (_work.Lease.Node is { Role: DatabaseRole.Master })
        {
            throw new SlavesUnavailableException(
                $"{Scope.Work} asked for a slave explicitly, but its slave session already reads from the master. Ask for the slave before the first read.");
        }

        _decision = decision;
    }

    /// <summary>Begins, or joins what has begun.</summary>
    /// <exception cref="InvalidOperationException">A level is asked for that the running transaction does not have.</exception>
    public void Begin(IsolationLevel asked, IsolationLevel otherwise, bool byApplication) => _work.Begin(asked, otherwise, byApplication);

    public void BeginAgain() => _work.BeginAgain();

    public void TakeSnapshot() => _work.TakeSnapshot();

    public void NoteJoined(System.Transactions.Transaction ambient) => _work.NoteJoined(ambient);

    /// <summary>The end of a TransactionScope, for a unit that hears of it.</summary>
    public SystemCompletion SystemCompletion() => new(_work, Completion);

    /// <summary>Whether the transaction has written so far, by the server's word; null where nobody can tell.</summary>
    public ValueTask<bool?> HasWrittenSoFar(bool async) => WrittenQuestion.AskBeside(_work, async);

    public ValueTask GiveBack(bool async) => _work.GiveBack(async);

    /// <summary>The scope was rolled back and goes on: nothing that its units hold is part of the next commit.</summary>
    public void Forget() => _work.Units.Forget();

    /// <summary>For the master: another connection, outside the scope's transaction; the caller closes it.</summary>
    public SeparateTarget Separate()
    {
        var pool = Scope.Services.Pool;
        var node = _work.Lease.Node ?? pool.Master;
        return new(pool.Provider, node.StringFor(DatabaseRole.Master), DatabaseRole.Master, (connection, async, token) => _work.RunHandlers(connection, node, async, token));
    }

    // Two that open at once would take two connections, of which nobody would give the first one back.
    private async ValueTask<DbConnection> Open(bool async, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isOpening, 1) != 0)
        {
            throw ScopeErrors.TwoAtOnce(Scope.Work);
        }

        try
        {
            return _work.Lease.Current is { State: not ConnectionState.Closed } opened ? opened : await OpenAlone(async, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isOpening, 0);
        }
    }

    private async ValueTask<DbConnection> OpenAlone(bool async, CancellationToken cancellationToken)
    {
        Scope.ThrowIfLeft();
        var (services, node) = (Scope.Services, _work.Lease.Node);
        var commits = Scope.Commits;
        // What handlers set belongs to the connection, and must not be undone with a TransactionScope in which it was opened.
        using var outside = services.ConnectionHooks.Any ? JoinedTransaction.OutsideOfAny() : null;
        var opened = Role == DatabaseRole.Master ? await services.Pool.OpenMaster(readOnly: Refusal is not null, async, cancellationToken)
            : node is null ? await services.Pool.OpenSlave(Scope.Goal, _decision.IsExplicit, async, cancellationToken)
            : await services.Pool.OpenPinned(node, _work.Lease.Server, async, cancellationToken);
        await _work.Take(opened, async, cancellationToken);
        if (node is null)
        {
            _knownCommits = commits;
            Pin(opened);
        }

        return _knownCommits == Scope.Commits || Role == DatabaseRole.Master ? opened.Connection : await CaughtUp(opened, async, cancellationToken);
    }

    private void Pin(NodeConnection opened)
    {
        _work.Lease.Pin(opened);
        if (opened.Reason is { } reason)
        {
            _decision = _decision with { Reason = reason };
        }

        RouteReport.Took(Scope, Role, opened.Node.Name, _decision.Reason);
    }

    // The scope wrote on the master after it had taken this slave, and keeps it: better stale, and saying so, than on two servers.
    private async ValueTask<DbConnection> CaughtUp(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        _knownCommits = Scope.Commits;
        // What the scope has written meanwhile is not of a snapshot's moment.
        var isLate = _work.Snapshot is { IsPhysical: true } || !await Scope.Services.Pool.HasReached(opened, Scope.Goal, async, cancellationToken);
        if (opened.Node.Role == DatabaseRole.Slave && isLate)
        {
            _decision = _decision with { Reason = RouteReason.Stale };
        }

        return opened.Connection;
    }
}
