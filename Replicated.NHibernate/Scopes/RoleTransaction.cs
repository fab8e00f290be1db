using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>How far the transaction of a role is.</summary>
internal enum TransactionState
{
    /// <summary>There is none: statements commit by themselves.</summary>
    None,

    /// <summary>It has begun for everybody here; the server does not know of it.</summary>
    Begun,

    /// <summary>The first statement has begun it on the server.</summary>
    Physical,
}

/// <summary>
/// The one transaction of a role. <c>None</c> –Begin→ <c>Begun</c> –first statement→ <c>Physical</c>; from both of these End leads back to <c>None</c>. Who began it is part of the state.
/// </summary>
internal sealed class RoleTransaction(DatabaseProvider provider, IRoleHost host, DatabaseRole role, bool onlyReads)
{
    private IsolationLevel _level;
    private bool _levelWasAsked;
    private DbTransaction? _transaction;

    public TransactionState State => _transaction is not null ? TransactionState.Physical : IsBegun ? TransactionState.Begun : TransactionState.None;

    public bool IsBegun { get; private set; }

    /// <summary>The application began it, or joined what the scope had begun.</summary>
    public bool IsTheApplications { get; private set; }

    /// <summary>Whether each of its statements sees what is committed by then, as a statement does that commits by itself.</summary>
    public bool IsOrdinary => _level is IsolationLevel.Unspecified or IsolationLevel.ReadCommitted;

    public DbTransaction? Physical => _transaction;

    public IsolationLevel Level => _transaction?.IsolationLevel ?? _level;

    /// <summary>Whether a statement was to run in it that may write. Looked for only where beginning waits for it.</summary>
    public bool MayWrite { get; set; }

    /// <summary>The application threw its last transaction away, and begins the next one itself.</summary>
    public bool IsEndedByApplication { get; set; }

    /// <summary>The first statement that failed, for which the transaction must not be committed.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Changes that were thrown away, of which the commit would not know.</summary>
    public Exception? Loss { get; private set; }

    /// <summary>Begins; what has begun is joined.</summary>
    /// <returns>Whether it has begun only now.</returns>
    /// <exception cref="InvalidOperationException">A level is asked for that the running transaction does not have.</exception>
    public bool Begin(IsolationLevel asked, IsolationLevel otherwise, bool byApplication)
    {
        IsTheApplications |= byApplication;
        if (IsBegun)
        {
            Join(asked, otherwise);
            return false;
        }

        (_level, _levelWasAsked) = (LevelFor(asked, otherwise), asked != IsolationLevel.Unspecified);
        (IsBegun, IsEndedByApplication, IsTheApplications) = (true, false, byApplication);
        return true;
    }

    /// <summary>The scope's reads are to be one snapshot from now on.</summary>
    /// <exception cref="InvalidOperationException">A transaction has been asked for that is none.</exception>
    public void TakeSnapshot()
    {
        ThrowUnlessSnapshot(_levelWasAsked ? _level : IsolationLevel.Unspecified);
        _level = _levelWasAsked && role == DatabaseRole.Master ? _level : provider.SnapshotLevel;
    }

    /// <summary>Begins it on the server.</summary>
    /// <param name="connection">The open connection.</param>
    /// <param name="isReadOnly">Whether the database is to refuse writes in it, because the session does not.</param>
    public DbTransaction Start(DbConnection connection, bool isReadOnly) => _transaction = provider.Begin(connection, _level, onlyReads, isReadOnly);

    /// <summary>Its connection is lost before a statement has run: the next one begins it anew.</summary>
    public async ValueTask ForgetPhysical()
    {
        var transaction = _transaction;
        _transaction = null;
        try
        {
            await (transaction?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
        {
            // The server rolls it back when it notices that the connection is gone.
        }
    }

    public void NoteFailure(Exception failure) => Failure ??= failure;

    public void ForgetFailure() => Failure = null;

    public void NoteLoss(Exception loss) => Loss ??= loss;

    /// <exception cref="InvalidOperationException">A statement failed, or changes were lost, and nobody said so.</exception>
    public void ThrowIfFailed()
    {
        if (Loss is { } loss)
        {
            Loss = null;
            throw loss;
        }

        if (Failure is { } failure)
        {
            throw ScopeErrors.FailedStatement(host.Work, failure);
        }
    }

    /// <summary>It has ended, wherever it had got to.</summary>
    public async ValueTask End()
    {
        var transaction = _transaction;
        (IsBegun, IsTheApplications, MayWrite, Failure, Loss, _transaction) = (false, false, false, null, null, null);
        if (transaction is not null)
        {
            await transaction.DisposeAsync();
        }
    }

    private void Join(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (asked == IsolationLevel.Unspecified)
        {
            // The scope begins before there is a session, and only a session knows the level that is configured.
            _level = _level == IsolationLevel.Unspecified ? otherwise : _level;
            return;
        }

        if (asked == Level)
        {
            _levelWasAsked = true;
            return;
        }

        if (host.WantsSnapshot)
        {
            ThrowUnlessSnapshot(asked);
            if (asked != IsolationLevel.Serializable)
            {
                // Two names of one thing.
                return;
            }
        }

        if (_transaction is not null)
        {
            throw ScopeErrors.OtherLevel(host.Work, asked, Level);
        }

        (_level, _levelWasAsked) = (asked, true);
    }

    private IsolationLevel LevelFor(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (!host.WantsSnapshot)
        {
            return asked == IsolationLevel.Unspecified ? otherwise : asked;
        }

        ThrowUnlessSnapshot(asked);
        return asked == IsolationLevel.Unspecified || role == DatabaseRole.Slave ? provider.SnapshotLevel : asked;
    }

    // The master may be stricter; a standby cannot.
    private void ThrowUnlessSnapshot(IsolationLevel asked)
    {
        if (asked is not (IsolationLevel.Unspecified or IsolationLevel.RepeatableRead or IsolationLevel.Snapshot)
            && (asked != IsolationLevel.Serializable || role == DatabaseRole.Slave))
        {
            throw ScopeErrors.NoSnapshot(host.Work, asked, provider.SnapshotLevel);
        }
    }
}
