using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Transaction = System.Transactions.Transaction;

namespace Replicated.NHibernate.Scopes;

/// <summary>What happens on the connection of a role: its units, its transaction, what was written. Not thread-safe.</summary>
internal sealed class RoleWork
{
    private JoinedTransaction? _joined;
    private SlaveSnapshot? _snapshot;
    private ChangeLog? _changes;
    private StatementGate _gate;
    private WriteLog _writes;

    /// <param name="host">The scope.</param>
    /// <param name="role">Master or slave.</param>
    /// <param name="onlyReads">Whether it is expected to do nothing but read.</param>
    public RoleWork(IRoleHost host, DatabaseRole role, bool onlyReads)
    {
        (Host, Role) = (host, role);
        Lease = new LeasedConnection(host.Services.Pool);
        Transaction = new RoleTransaction(Provider, host, role, onlyReads);
    }

    public IRoleHost Host { get; }

    public DatabaseRole Role { get; }

    public DatabaseProvider Provider => Host.Services.Pool.Provider;

    public ref StatementGate Gate => ref _gate;

    public LeasedConnection Lease { get; }

    public RoleTransaction Transaction { get; }

    public UnitsOfWork Units { get; } = new();

    public ref WriteLog Writes => ref _writes;

    /// <summary>What was changed, by name.</summary>
    public ChangeLog Changes => _changes ??= new();

    /// <summary>A TransactionScope that was joined; null where none ever was.</summary>
    public JoinedTransaction? Joined => _joined;

    /// <summary>A slave's reads of one moment; null where nobody wants them.</summary>
    public SlaveSnapshot? Snapshot => _snapshot;

    public bool IsJoined => _joined is { IsActive: true };

    public bool HasSnapshot => _snapshot is { IsWanted: true };

    /// <summary>Whether the scope begins and ends transactions here by itself.</summary>
    public bool IsAutomatic => Role == DatabaseRole.Master ? Host.IsTransactional && !Host.IsSealed : Host.WantsSnapshot;

    /// <summary>Why a write is refused now, or null.</summary>
    public WriteRefusal? Refusal => Role == DatabaseRole.Slave ? WriteRefusal.Slave : Host.IsSealed && !Transaction.IsTheApplications ? WriteRefusal.AfterCompletion : null;

    /// <summary>Whether something was thrown away, or waits, that no commit has written.</summary>
    public bool HasPendingChanges => Transaction.Loss is not null || Units.HavePendingChanges;

    /// <summary>Whether rows of a query are still to be read: until then a connection can do nothing else.</summary>
    public bool IsReading => Gate.IsRunning || Lease.IsReading;

    /// <summary>Whether nothing has been run yet that may write, in a scope that may last, and nobody asked for the transaction: then the server does not hear of it.</summary>
    private bool IsDeferred => Host.DefersTransaction && !Writes.HasUncommitted && !Host.WantsSnapshot && Transaction is { MayWrite: false, IsTheApplications: false, IsOrdinary: true };

    /// <summary>Whether the request is committed, or its transaction is not needed yet, and nothing reads: what lasts for hours must not hold a connection between two statements.</summary>
    public bool IsIdle =>
        (Host.IsSealed || IsDeferred) && Lease.Opened is not null && !IsReading && Transaction.Physical is null && _snapshot is null or { IsWanted: false } && _joined is null;

    public void Begin(IsolationLevel asked, IsolationLevel otherwise, bool byApplication)
    {
        if (!Transaction.Begin(asked, otherwise, byApplication))
        {
            return;
        }

        if (Role == DatabaseRole.Slave && Host.WantsSnapshot)
        {
            WantSnapshot();
        }

        Units.Begin();
    }

    /// <summary>After a commit or rollback, what comes next is committed at the end like everything else.</summary>
    public void BeginAgain()
    {
        if (IsAutomatic && !Gate.Refuses && !Transaction.IsEndedByApplication)
        {
            // Not at the former level: that was asked for one transaction.
            Begin(IsolationLevel.Unspecified, IsolationLevel.Unspecified, byApplication: false);
        }
    }

    public void BeginFor(IUnitOfWork unit)
    {
        if (Transaction.IsBegun)
        {
            unit.Begin();
        }
        else
        {
            BeginAgain();
        }
    }

    /// <summary>The scope's reads are to be one snapshot from now on.</summary>
    /// <exception cref="InvalidOperationException">A transaction has been asked for that is none.</exception>
    public void TakeSnapshot()
    {
        if (!Transaction.IsBegun)
        {
            BeginAgain();
        }
        else if (Lease.Opened is null)
        {
            Transaction.TakeSnapshot();
            if (Role == DatabaseRole.Slave)
            {
                WantSnapshot();
            }
        }
    }

    /// <summary>A statement will run; what it may do if it commits by itself counts, because it may not be in a transaction.</summary>
    public void WillRun(SqlVerdict verdict, string sql)
    {
        if (Host.DefersTransaction)
        {
            Transaction.MayWrite |= StatementGuard.MayWrite(verdict, sql, answersWithRows: false, isAutocommitted: true);
        }
    }

    /// <summary>The provider's transaction for the next statement; the first one begins it on the server.</summary>
    public DbTransaction? Enlist()
    {
        if (Transaction.Physical is { } begun)
        {
            return begun;
        }

        if (Lease.Current is { } connection)
        {
            // As long as no statement has run, a TransactionScope goes before.
            if (Role == DatabaseRole.Master && (_joined?.Around ?? System.Transactions.Transaction.Current) is { } ambient)
            {
                Join().Enlist(connection, ambient);
                return null;
            }

            if (HasSnapshot)
            {
                return _snapshot!.Start(connection, IsReadOnlyByTransaction);
            }

            if (Transaction.IsBegun && !IsDeferred)
            {
                return Transaction.Start(connection, IsReadOnlyByTransaction);
            }

            if (IsReadOnlyByTransaction)
            {
                return (_snapshot ??= NewSnapshot()).Start(connection, isReadOnly: true);
            }
        }

        return _snapshot?.Transaction;
    }

    /// <summary>A TransactionScope takes over; null leaves everything as it is.</summary>
    public void Join(Transaction? ambient)
    {
        if (ambient is null)
        {
            return;
        }

        if (Lease.IsOpen)
        {
            Join().Enlist(Lease.Current!, ambient);
        }
        else
        {
            // The first statement enlists.
            Join().Join(ambient);
        }
    }

    /// <summary>A unit has joined a TransactionScope by itself.</summary>
    public void NoteJoined(Transaction ambient) => Join().Join(ambient);

    // PostgreSQL lets go on after a failure on the way to it, and answers one of its own by refusing everything until a rollback, be it to a savepoint.
    public void NoteFailedStatement(Exception failure)
    {
        if (!Provider.Dialect.TellsFailedTransactions || failure is DbException { SqlState: not null } || _joined is { IsKnown: true })
        {
            NoteFailure(failure);
        }
    }

    /// <summary>A statement failed, or the connection was lost: nothing of the transaction can be committed.</summary>
    public void NoteFailure(Exception failure)
    {
        _snapshot?.NoteFailure();
        if (Transaction.Physical is not null || _joined is { IsKnown: true })
        {
            Transaction.NoteFailure(failure);
        }
    }

    /// <summary>Changes were thrown away of which the commit would not know. Without a transaction of the scope's that is the application's own affair.</summary>
    public void NoteLoss(Exception loss)
    {
        if (Role == DatabaseRole.Slave ? !Transaction.IsEndedByApplication : (Transaction.IsBegun && IsAutomatic) || Host.IsSealed)
        {
            Transaction.NoteLoss(loss);
        }
    }

    /// <summary>A connection has been opened: the role's, unless the scope has ended or one of the application's handlers throws.</summary>
    public async ValueTask Take(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        Lease.Take(opened);
        try
        {
            // A task that nobody awaited may have been connecting when the scope ended.
            await (Gate.Refuses ? throw ScopeErrors.Ended(Host.Work) : RunHandlers(opened.Connection, opened.Node, async, cancellationToken));
        }
        catch
        {
            // Half of what a handler was to set may be set: nobody works on such a connection.
            await GiveBack(async);
            throw;
        }
    }

    public SeparateTarget Separate()
    {
        var node = Lease.Node ?? Host.Services.Pool.Master;
        return new(Provider, node.StringFor(DatabaseRole.Master), DatabaseRole.Master, (connection, async, token) => RunHandlers(connection, node, async, token));
    }

    private ValueTask RunHandlers(DbConnection connection, Node node, bool async, CancellationToken cancellationToken) =>
        Host.Services.ConnectionHooks is { Any: true } hooks ? hooks.Opened(connection, Host, Role, node.Name, async, cancellationToken) : ValueTask.CompletedTask;

    /// <summary>The connection goes back before a statement has run on it; what has begun begins anew on the next one.</summary>
    public async ValueTask GiveBackUnused(bool async)
    {
        _snapshot?.ForgetPhysical();
        await Transaction.ForgetPhysical();
        await Lease.GiveBack(before: null, async);
    }

    public ValueTask GiveBack(bool async)
    {
        if (Gate.IsLeftToStatement)
        {
            return ValueTask.CompletedTask;
        }

        if (_joined is { IsKnown: true } && Host.Services.ConnectionHooks.Any && Lease.Opened is { } opened)
        {
            // A TransactionScope that is rolled back after its connection was given back takes the provider's reset with it, so the pool must not keep the connection.
            foreach (var pool in opened.Node.Pools())
            {
                Provider.ClearPool(pool);
            }
        }

        return Lease.GiveBack(_snapshot, async);
    }

    // A statement that makes the session read-only would reach other clients behind a pooler, so each of its transactions is.
    private bool IsReadOnlyByTransaction => Role == DatabaseRole.Slave && Lease.Node is { IsReadOnlyModeOff: true };

    private void WantSnapshot() => (_snapshot ??= NewSnapshot()).Want();

    private SlaveSnapshot NewSnapshot() => new(Provider, Host.Services.Logger, Host);

    // Without a session's enlistment nobody asks what was written, and it gets a token to be safe.
    private JoinedTransaction Join() => _joined ??= new JoinedTransaction(committed =>
    {
        Transaction.ForgetFailure();
        Writes.HasUntokened |= !_joined!.LookedForWrites && committed;
        // Sessions hear of the end by themselves, and need to know then whether something is lost with it.
        Writes.HasUncommitted &= !Units.HearNothing;
    });
}
