using System.Data;
using System.Data.Common;
using System.Runtime.ExceptionServices;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// The connection that all units of one role share within a scope, and the node it is pinned to. Opened with the first statement.
/// Not thread-safe, like a connection.
/// </summary>
internal sealed partial class RoleConnection(Scope scope, RoleDecision decision)
{
    private readonly Scope _scope = scope;
    private RoleDecision _decision = decision;
    private IUnitOfWork[] _units = [];
    private NodeConnection? _opened;
    private Node? _node;
    private DbDataReader? _reader;
    private int _holds;

    public Scope Scope => _scope;

    public DatabaseRole Role => _decision.Role;

    /// <summary>The open connection, if there is one at this moment.</summary>
    public DbConnection? Current => _opened?.Connection;

    public Route Route => new(Role, _decision.Reason, _node?.Name);

    /// <summary>Whether a write was seen, by a statement that writes or by the database's word.</summary>
    public bool Wrote { get; private set; }

    /// <summary>Whether a statement that writes has run since the last commit.</summary>
    public bool HasUncommittedWrites { get; private set; }

    /// <summary>Whether something was thrown away, or waits, that no commit has written.</summary>
    public bool HasPendingChanges => _loss is not null || Array.Exists(_units, u => u.HasPendingChanges);

    /// <summary>Whether a statement runs at this moment: of a flow that asks for the next row while the last is written, or that was forgotten.</summary>
    public bool IsRunning => Volatile.Read(ref _running) > 0;

    /// <summary>Whether rows of a query are still to be read: until then a connection can do nothing else.</summary>
    public bool IsReading => IsRunning || _reader is { IsClosed: false };

    /// <summary>Whether a unit would lose rows that it still works on, were the connection given back.</summary>
    public bool IsNeeded => IsReading || Array.Exists(_units, u => u.IsReading);

    /// <summary>Why a write is refused now, or null.</summary>
    public WriteRefusal? Refusal =>
        Role == DatabaseRole.Slave ? WriteRefusal.Slave
        : _scope.IsSealed ? WriteRefusal.AfterCompletion
        : null;

    /// <summary>Whoever asks for a slave in so many words must not end on the master that stands in for one.</summary>
    public void Require(RoleDecision decision)
    {
        if (!decision.IsExplicit || _decision.IsExplicit || Role != DatabaseRole.Slave)
        {
            return;
        }

        if (_node is { Role: DatabaseRole.Master })
        {
            throw new SlavesUnavailableException(
                $"{_scope.Work} asked for a slave explicitly, but its slave session already reads from the master. Ask for the slave before the first read.");
        }

        _decision = decision;
    }

    public TUnit GetUnit<TUnit, TState>(TState state, Func<RoleConnection, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        for (var i = 0; i < _units.Length; i++)
        {
            if (_units[i] is TUnit unit)
            {
                if (unit.IsUsable)
                {
                    return unit;
                }

                unit.End();
                var another = create(this, state);
                _units[i] = another;
                BeginFor(another);
                return another;
            }
        }

        var first = create(this, state);
        _units = [.. _units, first];
        BeginFor(first);
        return first;
    }

    /// <summary>The unit, if there is one already.</summary>
    public TUnit? Find<TUnit>()
        where TUnit : class, IUnitOfWork => Array.Find(_units, static u => u is TUnit) as TUnit;

    /// <summary>The connection, opened where it is not: on the node of the scope, or on one chosen now.</summary>
    public async ValueTask<DbConnection> Connect(bool async, CancellationToken cancellationToken)
    {
        if (_opened is { } opened)
        {
            if (opened.Connection.State != ConnectionState.Closed)
            {
                // Whoever asks is a statement that runs already.
                return _knownCommits == _scope.Commits || _reader is { IsClosed: false } || Role == DatabaseRole.Master
                    ? opened.Connection
                    : _snapshot is not null ? AsItBegan(opened)
                    : await CaughtUp(opened, async, cancellationToken);
            }

            if (_transaction is not null || _snapshot is not null)
            {
                // On a new connection only what comes now would be committed.
                var lost = ScopeErrors.LostConnection(_scope.Work);
                NoteFailure(lost);
                throw lost;
            }

            await Release(async);
        }

        if (_ended)
        {
            throw ScopeErrors.Ended(_scope.Work);
        }

        _scope.ThrowIfLeft();
        var commits = _scope.Commits;
        opened = Role == DatabaseRole.Master ? await _scope.Services.Pool.OpenMaster(async, cancellationToken)
            : _node is null ? await _scope.Services.Pool.OpenSlave(_scope.Goal, _decision.IsExplicit, async, cancellationToken)
            : await _scope.Services.Pool.OpenPinned(_node, async, cancellationToken);
        _opened = opened;
        Interlocked.Exchange(ref _holds, 1);
        if (_ended)
        {
            // A task that nobody awaited was still connecting when the scope ended.
            await Release(async);
            throw ScopeErrors.Ended(_scope.Work);
        }

        if (_node is null)
        {
            _knownCommits = commits;
            Take(opened);
        }

        return _knownCommits == _scope.Commits || Role == DatabaseRole.Master ? opened.Connection : await CaughtUp(opened, async, cancellationToken);
    }

    /// <summary>For the master: another connection, outside the scope's transaction; the caller closes it.</summary>
    public ValueTask<DbConnection> OpenSeparate(bool async, CancellationToken cancellationToken)
    {
        var pool = _scope.Services.Pool;
        return pool.Provider.Open((_node ?? pool.Master).ConnectionString, async, cancellationToken);
    }

    /// <summary>Remembers what reads from the connection, and gives it to the application in a form that ends with the scope.</summary>
    /// <param name="reader">What the application is to read from.</param>
    /// <param name="source">What reads from the connection for it.</param>
    public DbDataReader Reads(DbDataReader reader, DbDataReader source)
    {
        _reader = source;
        return new RoutedReader(this, reader);
    }

    public void NoteWrite() => (Wrote, HasUncommittedWrites, _hasUnmarkedWrites) = (true, true, _hasUnmarkedWrites || (!_inTransaction && _joined is null));

    /// <summary>Gives the connection back to its pool. The node stays the scope's.</summary>
    public ValueTask Release(bool async)
    {
        // Whoever comes first: the scope's end, or a forgotten task that connected meanwhile.
        if (IsLeftToStatement || Interlocked.Exchange(ref _holds, 0) == 0)
        {
            return ValueTask.CompletedTask;
        }

        var (opened, snapshot, reader) = (_opened!, _snapshot, _reader);
        (_opened, _snapshot, _reader, _isSnapshot) = (null, null, null, false);
        return snapshot is null ? _scope.Services.Pool.Close(opened, async) : CloseSnapshot(opened, snapshot, reader, async);
    }

    /// <summary>The scope was rolled back and goes on: nothing that its units hold is part of the next commit.</summary>
    public void Forget()
    {
        foreach (var unit in _units)
        {
            unit.Forget();
        }
    }

    private void Take(NodeConnection opened)
    {
        _node = opened.Node;
        if (opened.Reason is { } reason)
        {
            _decision = _decision with { Reason = reason };
        }

        _scope.Services.Metrics.SessionOpened(Role.Name(), _node.Name, _decision.Reason.Name());
        _scope.Activity.Took(Role.Name(), _node.Name, _decision.Reason.Name());
        var logger = _scope.Services.Logger;
        if (logger.IsEnabled(Microsoft.Extensions.Logging.LogLevel.Debug))
        {
            logger.RouteTaken(_scope.Work.ToString(), Role.Name(), _node.Name, _decision.Reason.Name());
        }
    }
}

internal enum WriteRefusal
{
    /// <summary>The unit is of the slave role.</summary>
    Slave,

    /// <summary>The scope has been committed or rolled back; nobody would commit the write.</summary>
    AfterCompletion,
}
