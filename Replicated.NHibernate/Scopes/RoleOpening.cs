using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>How a role gets its connection: with its first statement, on a node that stays the scope's from the first row on. Not thread-safe, like a connection.</summary>
internal sealed class RoleOpening(RoleWork work, RoleDecision decision)
{
    private RoleDecision _decision = decision;
    private StatementRepeat? _repeat;
    private int _knownCommits;
    private int _isOpening;

    public Route Route => new(work.Role, _decision.Reason, work.Lease.Node?.Name) { IsRepeated = _repeat is { HasRepeated: true } };

    private IRoleHost Scope => work.Host;

    private NodePool Pool => work.Host.Services.Pool;

    /// <summary>An explicit wish for a slave must not end on the master that stands in for one.</summary>
    public void Require(RoleDecision decision)
    {
        if (!decision.IsExplicit || _decision.IsExplicit || work.Role != DatabaseRole.Slave)
        {
            return;
        }

        if (work.Lease.Node is { Role: DatabaseRole.Master })
        {
            throw new SlavesUnavailableException(
                $"{Scope.Work} asked for a slave explicitly, but its slave session already reads from the master. Ask for the slave before the first read.");
        }

        _decision = decision;
    }

    /// <summary>The connection, opened where it is not: on the node of the scope, or on one chosen now.</summary>
    public ValueTask<DbConnection> Connect(bool async, CancellationToken cancellationToken) =>
        work.Role == DatabaseRole.Slave && Scope.UsesMaster ? ConnectBesideMaster(async, cancellationToken) : ConnectAlone(async, cancellationToken);

    /// <summary>Whether a statement that failed is to be sent once more; then another connection is open.</summary>
    public async ValueTask<bool> Repeats(Exception failure, bool mayWrite, bool async, CancellationToken cancellationToken)
    {
        if (work.Lease is not { Opened: not null, HasRun: false } || work.Gate.Refuses || !Scope.MayRepeat || Interlocked.Exchange(ref _isOpening, 1) != 0)
        {
            return false;
        }

        try
        {
            var commits = Scope.Commits;
            using var outside = Scope.Services.ConnectionHooks.Any ? JoinedTransaction.OutsideOfAny() : null;
            var repeat = _repeat ??= new StatementRepeat(work);
            if (await repeat.Reopen(failure, mayWrite, _decision.IsExplicit, async, cancellationToken) is not { } opened)
            {
                return false;
            }

            await work.Take(opened, async, cancellationToken);
            _knownCommits = commits;
            Pin(opened);
            return true;
        }
        finally
        {
            Volatile.Write(ref _isOpening, 0);
        }
    }

    private async ValueTask<DbConnection> ConnectBesideMaster(bool async, CancellationToken cancellationToken)
    {
        await Scope.TellMastersWrites(_decision.IsExplicit, async);
        return await ConnectAlone(async, cancellationToken);
    }

    private ValueTask<DbConnection> ConnectAlone(bool async, CancellationToken cancellationToken)
    {
        if (work.Lease.Opened is { } opened && opened.Connection.State != ConnectionState.Closed)
        {
            // The caller is a statement that runs already.
            return _knownCommits == Scope.Commits || work.Lease.IsReading || work.Role == DatabaseRole.Master
                ? ValueTask.FromResult(opened.Connection)
                : CaughtUp(opened, async, cancellationToken);
        }

        return work.Lease.Opened is null && !work.Gate.Refuses ? Open(async, cancellationToken) : OpenAgain(async, cancellationToken);
    }

    private async ValueTask<DbConnection> OpenAgain(bool async, CancellationToken cancellationToken)
    {
        if (work.Lease.Opened is not null)
        {
            if (work.Transaction.Physical is not null || work.Snapshot is { IsPhysical: true })
            {
                // On a new connection only what comes now would be committed.
                var lost = ScopeErrors.LostConnection(Scope.Work);
                work.NoteFailedStatement(lost);
                throw lost;
            }

            await work.GiveBack(async);
        }

        return work.Gate.Refuses ? throw ScopeErrors.Ended(Scope.Work) : await Open(async, cancellationToken);
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
            return work.Lease.Current is { State: not ConnectionState.Closed } opened ? opened : await OpenAlone(async, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isOpening, 0);
        }
    }

    private async ValueTask<DbConnection> OpenAlone(bool async, CancellationToken cancellationToken)
    {
        Scope.ThrowIfLeft();
        var node = work.Lease.Node;
        var commits = Scope.Commits;
        // What handlers set belongs to the connection, and must not be undone with a TransactionScope in which it was opened.
        using var outside = Scope.Services.ConnectionHooks.Any ? JoinedTransaction.OutsideOfAny() : null;
        var opened = work.Role == DatabaseRole.Master ? await Pool.OpenMaster(readOnly: work.Refusal is not null, async, cancellationToken)
            : node is null ? await Pool.OpenSlave(Scope.Goal, _decision.IsExplicit, async, cancellationToken)
            : await Pool.OpenPinned(node, work.Lease.Server, async, cancellationToken);
        await work.Take(opened, async, cancellationToken);
        if (node is null)
        {
            _knownCommits = commits;
            Pin(opened);
        }

        return _knownCommits == Scope.Commits || work.Role == DatabaseRole.Master ? opened.Connection : await CaughtUp(opened, async, cancellationToken);
    }

    private void Pin(NodeConnection opened)
    {
        var isAnother = work.Lease.Node != opened.Node;
        work.Lease.Pin(opened);
        if (opened.Reason is { } reason)
        {
            _decision = _decision with { Reason = reason };
        }

        if (isAnother)
        {
            RouteReport.Took(Scope, work.Role, opened.Node.Name, _decision.Reason);
        }
    }

    private async ValueTask<DbConnection> CaughtUp(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        _knownCommits = Scope.Commits;
        var (connection, reason) = await CatchUp.Of(work, opened, _decision.IsExplicit, async, cancellationToken);
        _decision = _decision with { Reason = reason ?? _decision.Reason };
        return connection;
    }
}
