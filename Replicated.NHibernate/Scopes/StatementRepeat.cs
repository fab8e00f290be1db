using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Decides whether a connection's first statement is sent once more, and opens the connection for it. Nothing of it was seen, and nothing of it can have been committed: it was refused
/// writing, or stood in a transaction whose COMMIT was not sent. Not thread-safe.
/// </summary>
internal sealed class StatementRepeat(RoleWork work)
{
    private readonly List<Node> _tried = [];
    private bool _endedSilently;

    public bool HasRepeated { get; private set; }

    private NodePool Pool => work.Host.Services.Pool;

    /// <summary>Gives the connection back and opens another one; null where the failure stands.</summary>
    /// <exception cref="MasterUnavailableException">There is none to the master.</exception>
    /// <exception cref="SlavesUnavailableException">There is none for the read.</exception>
    public async ValueTask<NodeConnection?> Reopen(Exception failure, bool mayWrite, bool isStrict, bool async, CancellationToken cancellationToken)
    {
        var (lost, isFirst) = (work.Lease.Opened!.Node, !work.Lease.HasRead);
        var said = new Failure(failure, FailurePhase.Statement, work.Lease.IsOpen, cancellationToken.IsCancellationRequested, OnSlave: lost.Role == DatabaseRole.Slave);
        var what = work.Provider.Dialect.Classify(said);
        // The statement may be what ended a connection that ends without a word, so it has one more chance and no third.
        if (what is not (FailureClass.ConnectionLost or FailureClass.Conflict) || !IsHarmless(lost, mayWrite) || _endedSilently || _tried.Count > Pool.Slaves.Length + 1)
        {
            return null;
        }

        _endedSilently = !said.IsToldByServer;
        _tried.Add(lost);
        await work.GiveBackUnused(async);
        NodeConnection? opened = null;
        try
        {
            opened = work.Role == DatabaseRole.Master ? await Pool.OpenMaster(readOnly: work.Refusal is not null, async, cancellationToken)
                : !isFirst ? await OpenTheSame(lost, async, cancellationToken)
                : await OpenSlave(lost, isStrict, async, cancellationToken);
        }
        finally
        {
            if (opened is null && work.Transaction.IsBegun)
            {
                // Whoever swallows the failure would otherwise commit what comes after it.
                work.Transaction.NoteFailure(failure);
            }
        }

        if (opened is not null)
        {
            Tell(lost, opened, what, failure);
        }

        return opened;
    }

    private async ValueTask<NodeConnection?> OpenSlave(Node lost, bool isStrict, bool async, CancellationToken cancellationToken)
    {
        try
        {
            return await Pool.OpenSlave(new ReadWish(work.Host.Goal, isStrict, OnlySlaves: _endedSilently, Tried: _tried), async, cancellationToken);
        }
        catch (SlavesUnavailableException) when (_endedSilently || (isStrict && _tried.FindAll(n => n == lost).Count == 1))
        {
            if (await OpenTheSame(lost, async, cancellationToken) is var again && (again is not null || _endedSilently))
            {
                return again;
            }

            throw;
        }
    }

    // A server that a statement has killed refuses new connections until it has recovered, so a new connection to the same one does not kill it twice.
    private async ValueTask<NodeConnection?> OpenTheSame(Node lost, bool async, CancellationToken cancellationToken)
    {
        try
        {
            return await Pool.OpenPinned(lost, work.Lease.Server, async, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return null;
        }
    }

    private bool IsHarmless(Node node, bool mayWrite) =>
        !work.Host.IsEnded && work.Joined is not { IsKnown: true }
        && (work.Refusal is not null ? !mayWrite || Pool.IsReadOnly(node) : work.Transaction.IsBegun);

    private void Tell(Node lost, NodeConnection opened, FailureClass what, Exception failure)
    {
        HasRepeated = true;
        var services = work.Host.Services;
        services.Metrics.Repeated(lost.Name, what == FailureClass.Conflict ? "conflict" : "lost");
        services.Logger.StatementRepeated(work.Host.Work.ToString(), lost.Name, DatabaseDialect.NameOf(failure), opened.Node.Name);
        work.Host.Activity.Repeated(lost.Name);
    }
}
