using System.Data;
using System.Data.Common;
using System.Transactions;
using Replicated.NHibernate.Databases;
using IsolationLevel = System.Data.IsolationLevel;

namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Where the statements of a <see cref="RoutedConnection"/> go: to a role of a scope, or to a connection of their own. Not thread-safe, but for
/// <see cref="BeginOperation"/> and <see cref="EndOperation"/>.
/// </summary>
internal abstract class ConnectionTarget
{
    public abstract DatabaseRole Role { get; }

    /// <summary>The provider's open connection, if there is one at this moment.</summary>
    public abstract DbConnection? Current { get; }

    public abstract DatabaseDialect Dialect { get; }

    /// <summary>Empty before the node is chosen.</summary>
    public abstract string ConnectionString { get; }

    public abstract IsolationLevel Level { get; }

    /// <summary>Why a write is refused now, or null.</summary>
    public abstract WriteRefusal? Refusal { get; }

    /// <summary>Whether the next statement is committed by itself, so that nobody can ask what it did.</summary>
    public virtual bool IsAutocommitted => false;

    /// <summary>Whether the connection may be another scope's by now, and a reader of it that somebody kept must not touch it.</summary>
    public abstract bool IsOver { get; }

    /// <summary>The provider's open connection, opened where it is not.</summary>
    public abstract ValueTask<DbConnection> Connect(bool async, CancellationToken cancellationToken);

    /// <summary>The provider's transaction that the next statement belongs to; the first statement begins it on the server.</summary>
    public abstract DbTransaction? Enlist();

    public abstract DbCommand CreateProviderCommand();

    public abstract DbBatch CreateProviderBatch();

    public abstract bool CanCreateBatch { get; }

    /// <summary>A statement begins to use the connection, or goes on reading from it.</summary>
    /// <exception cref="ObjectDisposedException">The scope has ended.</exception>
    public abstract void BeginOperation();

    public abstract void EndOperation();

    /// <summary>Whether the provider's connection is in the application's hands, so that it stays open as long as the work runs.</summary>
    public bool IsLent { get; set; }

    /// <summary>Remembers what reads from the connection.</summary>
    public abstract void NoteReader(DbDataReader reader);

    /// <summary>A statement has run on the connection, or somebody may have run one.</summary>
    public virtual void NoteRun()
    {
    }

    /// <summary>
    /// Whether a statement that failed before anybody got a row of it is to be sent once more. Where it is, the former connection has gone back, and
    /// <see cref="Connect"/> and <see cref="Enlist()"/> give another one.
    /// </summary>
    /// <param name="failure">What was thrown.</param>
    /// <param name="mayWrite">Whether, by its words, it may write.</param>
    /// <param name="async">Whether to wait for the database without a thread.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public virtual ValueTask<bool> Repeats(Exception failure, bool mayWrite, bool async, CancellationToken cancellationToken) => ValueTask.FromResult(false);

    /// <summary>A statement runs that writes, or may.</summary>
    public abstract void NoteWrite();

    /// <summary>A statement failed: even where the application swallows the error, its transaction must not be committed.</summary>
    public abstract void NoteFailure(Exception failure);

    /// <summary>What failed since the savepoint is undone.</summary>
    public abstract void NoteSavepointRollback();

    /// <summary>Something that nobody may see fail where it did: it is thrown when the work is to be completed.</summary>
    public abstract void NoteLoss(Exception loss);

    public abstract Exception Refused(WriteRefusal refusal, string what, WriteLayer layer, Exception? inner = null);

    /// <summary>A statement that nobody refuses will run, as soon as there is a connection.</summary>
    public virtual void WillRun(SqlVerdict verdict, string sql)
    {
    }

    /// <summary>Throws where a statement must not begin or end a transaction by itself.</summary>
    public virtual void CheckTransactionControl(string what)
    {
    }

    public abstract Exception Ended();

    public abstract void Begin(IsolationLevel level);

    public abstract ValueTask CommitByApplication(bool async, CancellationToken cancellationToken);

    public abstract ValueTask RollbackByApplication(bool async, bool isForgotten = false);

    public abstract void Enlist(Transaction? transaction);

    /// <summary>Throws where a statement must not run now, by its words.</summary>
    /// <returns>What it does, by its words.</returns>
    public SqlVerdict Check(string sql, CommandType type)
    {
        var verdict = type == CommandType.Text ? Dialect.Classify(sql) : new SqlVerdict(SqlKind.Unknown, "CALL", HasSeveralStatements: false);
        if (Refusal is { } refusal && StatementGuard.Refuses(verdict, Dialect))
        {
            throw Refused(refusal, verdict.Describe(), WriteLayer.Statement);
        }

        if (verdict.Has(SqlKind.TransactionControl))
        {
            CheckTransactionControl(verdict.Describe());
        }

        WillRun(verdict, sql);
        return verdict;
    }

    /// <summary>A statement is about to run, in its transaction if it has one.</summary>
    public void Runs(SqlVerdict verdict, string sql, bool answersWithRows)
    {
        if (Refusal is null && StatementGuard.MayWrite(verdict, sql, answersWithRows, isAutocommitted: IsAutocommitted || (Dialect.HasFunctionsThatWrite && Dialect.HasWrittenQuery is null)))
        {
            NoteWrite();
        }
    }

    /// <summary>A statement has run.</summary>
    public void HasRun(SqlVerdict verdict)
    {
        NoteRun();
        if (verdict.Has(SqlKind.Savepoint) && verdict.Word.StartsWith("ROLLBACK", StringComparison.Ordinal))
        {
            NoteSavepointRollback();
        }
    }

    /// <summary>Remembers that a statement failed; throws in the failure's place where there is something better to say.</summary>
    public void Failed(Exception failure, string sql)
    {
        NoteFailure(failure);
        if (Translated(failure, sql) is { } said)
        {
            throw said;
        }
    }

    /// <summary>The failure in the library's words, where the database refused a write.</summary>
    public Exception? Translated(Exception failure, string sql) =>
        failure is not DbException said || !Dialect.IsReadOnlyRefusal(said) ? null
        : Refusal is { } refusal ? Refused(refusal, Dialect.Classify(sql).Describe(), WriteLayer.Database, failure)
        : MasterUnavailableException.ReadOnly(failure);
}
