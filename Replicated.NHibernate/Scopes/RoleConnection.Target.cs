using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>What a routed connection asks of its role, and the role's end.</summary>
internal sealed partial class RoleConnection
{
    public override DatabaseRole Role => _work.Role;

    public override DatabaseDialect Dialect => _work.Provider.Dialect;

    public override DbConnection? Current => _work.Lease.Current;

    public override string ConnectionString => Current?.ConnectionString ?? "";

    public override IsolationLevel Level => _work.Transaction.Level;

    public override WriteRefusal? Refusal => _work.Refusal;

    public override bool IsOver => _work.Gate.IsOver;

    public override bool IsAutocommitted => Role == DatabaseRole.Master && _work.Transaction.Physical is null && _work.Joined is not { IsKnown: true };

    public override bool CanCreateBatch => _work.Provider.CanBatch;

    public override ValueTask<DbConnection> Connect(bool async, CancellationToken cancellationToken) => _opening.Connect(async, cancellationToken);

    public override ValueTask<bool> Repeats(Exception failure, bool mayWrite, bool async, CancellationToken cancellationToken) =>
        _opening.Repeats(failure, mayWrite, async, cancellationToken);

    public override DbTransaction? Enlist() => _work.Enlist();

    public override void Enlist(System.Transactions.Transaction? transaction) => _work.Join(transaction);

    public override DbCommand CreateProviderCommand() => _work.Provider.CreateCommand();

    public override DbBatch CreateProviderBatch() => _work.Provider.CreateBatch();

    public override void NoteReader(DbDataReader reader) => _work.Lease.NoteReader(reader);

    public override void NoteWrite() => _work.Writes.Note(isAutocommitted: !IsInTransaction && _work.Joined is not { IsKnown: true });

    public override void NoteRun() => _work.Lease.NoteRun();

    public override void NoteFailure(Exception failure)
    {
        _work.Lease.NoteRun();
        _work.NoteFailedStatement(failure);
    }

    public override void NoteSavepointRollback() => _work.Transaction.ForgetFailure();

    public override void NoteLoss(Exception loss) => _work.NoteLoss(loss);

    public override void WillRun(SqlVerdict verdict, string sql) => _work.WillRun(verdict, sql);

    public override void CheckTransactionControl(string what) => _ = IsInTransaction ? throw ScopeErrors.EndsTransaction(Scope.Work, what) : what;

    public override Exception Ended() => ScopeErrors.Ended(Scope.Work);

    public override Exception Refused(WriteRefusal refusal, string what, WriteLayer layer, Exception? inner = null) => refusal == WriteRefusal.Slave
        ? SlaveWriteException.Of(what, layer, $"the slave session of {Scope.Work} ({(Route.Node is { } node ? $"node {node}" : "no node chosen yet")}, reason {Route.Reason.Name()})", Scope.Work.ForMaster, inner)
        : WriteAfterCompletionException.Of(what, Scope.Work, inner);

    public override void Begin(IsolationLevel level) => _work.Begin(level, IsolationLevel.Unspecified, byApplication: true);

    public override ValueTask CommitByApplication(bool async, CancellationToken cancellationToken) => Completion.CommitByApplication(async, cancellationToken);

    public override ValueTask RollbackByApplication(bool async, bool isForgotten = false) => Completion.RollbackByApplication(async, isForgotten);

    public override void BeginOperation()
    {
        if (!_work.Gate.TryEnter())
        {
            throw Ended();
        }
    }

    public override void EndOperation()
    {
        if (_work.Gate.Leave())
        {
            RoleEnd.Of(_work, Completion, async: false).AsTask().GetAwaiter().GetResult();
        }
        else if (!IsLent && _work.IsIdle)
        {
            _work.GiveBack(async: false).AsTask().GetAwaiter().GetResult();
        }
    }

    public ValueTask End(bool async)
    {
        // Without transactions of the scope's, NHibernate writes what a stateless session still holds when it is closed.
        _work.Gate.BeginEnd(refuses: Role == DatabaseRole.Slave || Scope.IsTransactional);
        return RoleEnd.Of(_work, Completion, async);
    }
}
