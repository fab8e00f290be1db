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
    private readonly RoleOpening _opening;

    public RoleConnection(IRoleHost scope, RoleDecision decision)
    {
        _work = new RoleWork(scope, decision.Role, onlyReads: decision.Role == DatabaseRole.Slave || decision.Reason == RouteReason.NoSlave);
        _opening = new RoleOpening(_work, decision);
        Connection = new RoutedConnection(this);
    }

    /// <summary>What everything of the role works on.</summary>
    public RoutedConnection Connection { get; }

    public RoleCompletion Completion => new(_work);

    public RoleTokens Tokens => new(_work);

    public IRoleHost Scope => _work.Host;

    public IReadOnlyList<IUnitOfWork> Units => _work.Units.All;

    public Route Route => _opening.Route;

    /// <summary>Whether a write was seen, by a statement that writes or by the database's word.</summary>
    public bool Wrote => _work.Writes.Any;

    /// <summary>Whether a statement that writes has run since the last commit.</summary>
    public bool HasUncommittedWrites => _work.Writes.HasUncommitted;

    /// <summary>What was changed, where somebody wants to know: on the master that a read-only verb works on because of the switch.</summary>
    public ChangeLog? Changes => Route.Reason == RouteReason.Switch && Scope.IsReadOnlyVerb ? _work.Changes : null;

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
    public void Require(RoleDecision decision) => _opening.Require(decision);

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
    public SeparateTarget Separate() => _work.Separate();
}
