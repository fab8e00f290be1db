using System.Data;
using System.Data.Common;
using System.Runtime.ExceptionServices;
using Replicated.NHibernate.Diagnostics;
using IsolationLevel = System.Data.IsolationLevel;
using Transaction = System.Transactions.Transaction;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// The one transaction of a role: begun logically when somebody says so, physically with the first command, and ended for all units
/// together by whoever ends it.
/// </summary>
internal sealed partial class RoleConnection
{
    private bool _inTransaction;
    private IsolationLevel _level;
    private DbTransaction? _transaction;
    private Exception? _failure;
    private Exception? _loss;
    private bool _endedByApplication;

    /// <summary>Whether a transaction is open, be it only logically.</summary>
    public bool IsInTransaction => _inTransaction;

    /// <summary>Whether the database knows of the transaction.</summary>
    public bool IsPhysical => _transaction is not null;

    public override IsolationLevel Level => _transaction?.IsolationLevel ?? _level;

    /// <summary>Whether the scope begins and ends transactions here by itself.</summary>
    public bool IsAutomatic => Role == DatabaseRole.Master ? _scope.IsTransactional && !_scope.IsSealed : _scope.WantsSnapshot;

    public override void Begin(IsolationLevel level) => Begin(level, IsolationLevel.Unspecified);

    /// <summary>Begins, or joins what has begun.</summary>
    /// <exception cref="InvalidOperationException">A level is asked for that the running transaction does not have.</exception>
    public void Begin(IsolationLevel asked, IsolationLevel otherwise)
    {
        if (_inTransaction)
        {
            JoinAt(asked, otherwise);
            return;
        }

        (_level, _levelWasAsked) = (LevelFor(asked, otherwise), asked != IsolationLevel.Unspecified);
        (_inTransaction, _endedByApplication) = (true, false);
        _isSnapshot |= Role == DatabaseRole.Slave && _scope.WantsSnapshot;
        foreach (var unit in _units)
        {
            if (unit.IsUsable)
            {
                unit.Begin();
            }
        }
    }

    /// <summary>Makes the command part of the transaction; the first one begins it on the server.</summary>
    public override DbTransaction? Enlist()
    {
        if (_transaction is null && _opened is { } opened)
        {
            // As long as no command has run, a TransactionScope goes before; who has joined one stays with it in those within it.
            if (Role == DatabaseRole.Master && (_joined ?? Transaction.Current) is { } ambient)
            {
                opened.Connection.EnlistTransaction(ambient);
                Joins(ambient);
                return null;
            }

            if (_isSnapshot)
            {
                _snapshot ??= _scope.Services.Pool.Provider.Begin(opened.Connection, SnapshotLevel);
            }
            else if (_inTransaction)
            {
                _transaction = _scope.Services.Pool.Provider.Begin(opened.Connection, _level);
            }
        }

        return _transaction ?? _snapshot;
    }

    /// <summary>
    /// A statement failed. PostgreSQL lets go on after a failure on the way to it, and answers one of its own by refusing everything until a rollback, be it to a savepoint.
    /// </summary>
    public override void NoteFailure(Exception failure)
    {
        if (!_scope.Services.Pool.Provider.IsNpgsql || failure is DbException { SqlState: not null } || _joined is not null)
        {
            Remember(failure);
        }
    }

    public override void NoteSavepointRollback() => _failure = null;

    private void Remember(Exception failure)
    {
        if (_transaction is not null || _joined is not null)
        {
            _failure ??= failure;
        }
    }

    /// <summary>Changes were thrown away of which the commit would not know. Without a transaction of the scope's that is the application's own affair.</summary>
    public override void NoteLoss(Exception loss)
    {
        if (Role == DatabaseRole.Slave ? !_endedByApplication : _inTransaction && IsAutomatic)
        {
            _loss ??= loss;
        }
    }

    /// <summary>After the application's own commit, what it does next is committed at the end like everything else.</summary>
    public void BeginAgain()
    {
        if (IsAutomatic && !_ended && !_endedByApplication)
        {
            // Not at the former level: that was asked for one transaction.
            Begin(IsolationLevel.Unspecified, IsolationLevel.Unspecified);
        }
    }

    private void BeginFor(IUnitOfWork unit)
    {
        if (_inTransaction)
        {
            unit.Begin();
        }
        else if (IsAutomatic && !_endedByApplication)
        {
            Begin(IsolationLevel.Unspecified, IsolationLevel.Unspecified);
        }
    }

    private void JoinAt(IsolationLevel asked, IsolationLevel otherwise)
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

        if (_scope.WantsSnapshot)
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
            throw new InvalidOperationException(
                $"Isolation level {asked} was asked for, but the transaction of {_scope.Work} has begun with {Level}. "
                + "Ask for it before the first statement, or set Replicated:TransactionPerRequest to false and begin transactions yourself.");
        }

        (_level, _levelWasAsked) = (asked, true);
    }
}
