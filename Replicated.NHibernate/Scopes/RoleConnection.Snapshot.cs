using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Reads of one moment. On a slave a transaction that only the end of the scope, or its rollback, ends: what the application begins and commits
/// there is within it. On the master the scope's own transaction, at the snapshot's level.
/// </summary>
internal sealed partial class RoleConnection
{
    private bool _isSnapshot;
    private DbTransaction? _snapshot;
    private bool _levelWasAsked;

    private IsolationLevel SnapshotLevel => _scope.Services.Pool.Provider.SnapshotLevel;

    /// <summary>Whether statements have run whose moment a snapshot could not share any more.</summary>
    public bool HasRead => _opened is not null;

    /// <summary>The scope's reads are to be one snapshot from now on.</summary>
    /// <exception cref="InvalidOperationException">A transaction has been asked for that is none.</exception>
    public void TakeSnapshot()
    {
        if (!_inTransaction)
        {
            BeginAgain();
        }
        else if (_opened is null)
        {
            ThrowUnlessSnapshot(_levelWasAsked ? _level : IsolationLevel.Unspecified);
            (_level, _isSnapshot) = (_levelWasAsked && Role == DatabaseRole.Master ? _level : SnapshotLevel, Role == DatabaseRole.Slave);
        }
    }

    /// <summary>A slave at the commit point: its connection goes back, unless the view is to see the snapshot too.</summary>
    public async ValueTask GiveBack(bool async)
    {
        if (!_isSnapshot)
        {
            await Rollback(async);
            await Release(async);
        }
        else if (_inTransaction)
        {
            await Completed(committed: true, async);
        }
    }

    private IsolationLevel LevelFor(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (!_scope.WantsSnapshot)
        {
            return asked == IsolationLevel.Unspecified ? otherwise : asked;
        }

        ThrowUnlessSnapshot(asked);
        return asked == IsolationLevel.Unspecified || Role == DatabaseRole.Slave ? SnapshotLevel : asked;
    }

    // The master may be stricter; a standby cannot.
    private void ThrowUnlessSnapshot(IsolationLevel asked)
    {
        if (asked is not (IsolationLevel.Unspecified or IsolationLevel.RepeatableRead or IsolationLevel.Snapshot)
            && (asked != IsolationLevel.Serializable || Role == DatabaseRole.Slave))
        {
            throw ScopeErrors.NoSnapshot(_scope.Work, asked, SnapshotLevel);
        }
    }

    // What the scope has written on the master meanwhile is not of the snapshot's moment.
    private DbConnection AsItBegan(NodeConnection opened)
    {
        _knownCommits = _scope.Commits;
        if (opened.Node.Role == DatabaseRole.Slave)
        {
            _decision = _decision with { Reason = RouteReason.Stale };
        }

        return opened.Connection;
    }

    private async ValueTask CloseSnapshot(NodeConnection opened, DbTransaction snapshot, DbDataReader? reader, bool async)
    {
        try
        {
            if (opened.Connection.State == ConnectionState.Open && async)
            {
                await (reader?.DisposeAsync() ?? ValueTask.CompletedTask);
                await snapshot.RollbackAsync(CancellationToken.None);
            }
            else if (opened.Connection.State == ConnectionState.Open)
            {
                reader?.Dispose();
                snapshot.Rollback();
            }
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException or TimeoutException)
        {
            // The server does it when it notices that the connection is gone.
            _scope.Services.Logger.RollbackFailed(e, _scope.Work.ToString());
        }

        await _scope.Services.Pool.Close(opened, async);
    }
}
