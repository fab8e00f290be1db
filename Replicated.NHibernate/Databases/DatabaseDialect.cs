using System.Data;
using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>What became of a commit.</summary>
/// <param name="Wrote">Whether the transaction wrote, where the database tells.</param>
/// <param name="Position">A place in the log behind it, where the database told one in the same round trip.</param>
internal readonly record struct Committed(bool Wrote, Position? Position);

/// <summary>Everything that depends on the database; here what holds for any. Immutable.</summary>
internal abstract class DatabaseDialect
{
    /// <summary>For messages.</summary>
    public abstract string Name { get; }

    public virtual SqlSyntax Syntax => SqlSyntax.Any;

    /// <summary>How it tells places in its log; null where it is not known how.</summary>
    public virtual ReplicationPositions? Positions => null;

    /// <summary>Whether the strings that it derives switch the read-only mode on.</summary>
    public virtual bool SwitchesByConnectionString => false;

    /// <summary>Makes all later transactions of a session read-only until the provider resets it; null where no statement does.</summary>
    public virtual string? MakeReadOnly => null;

    /// <summary>Makes the transaction that has just begun read-only; null where no statement does.</summary>
    public virtual string? MakeTransactionReadOnly => null;

    /// <summary>One text, "on" where the session is read-only; null where it cannot be asked.</summary>
    public virtual string? IsReadOnlyQuery => null;

    /// <summary>One boolean: whether the transaction that runs has written so far; null where the database does not tell.</summary>
    public virtual string? HasWrittenQuery => null;

    /// <summary>What a server answers as long as it works, for asking in the background where it tells no positions; that it does not know the question is an answer too.</summary>
    public virtual string ProbeQuery => "select 1";

    /// <summary>One number: which of the server's processes works for the connection; null where <see cref="BackendHasWrittenQuery"/> cannot be asked.</summary>
    public virtual string? BackendQuery => null;

    /// <summary>Whether the commit itself fails after a failed statement, so that nobody has to remember one.</summary>
    public virtual bool TellsFailedTransactions => false;

    /// <summary>Whether a function of the application's may write.</summary>
    public virtual bool HasFunctionsThatWrite => true;

    /// <summary>The level at which all statements of a transaction see one moment.</summary>
    public virtual IsolationLevel SnapshotLevel => IsolationLevel.RepeatableRead;

    /// <summary>Why numbers cannot be taken from a table beside a scope's transaction, with the remedy; null where they can.</summary>
    public virtual string? IsolatedWorkRefusal => null;

    /// <summary>The transaction had failed already.</summary>
    public static bool IsFailedTransaction(Exception e) => e is DbException { SqlState: "25P02" };

    /// <summary>The class of the exception and the database's code, for a message: never its text, which may quote a client's data.</summary>
    public static string NameOf(Exception e) =>
        e is DbException said && (SqliteErrors.CodeOf(said) ?? MySqlErrors.NumberOf(said))?.ToString(CultureInfo.InvariantCulture) is var number && (number ?? said.SqlState) is { } code ? $"{e.GetType().Name} {code}" : e.GetType().Name;

    /// <summary>The database refused to write because the session is read-only; by SQL's own code for it.</summary>
    public virtual bool IsReadOnlyRefusal(DbException e) => e.SqlState == "25006";

    /// <summary>Whether a commit tells what it wrote, where positions are asked for like this.</summary>
    public virtual bool TellsWrites(ReplicationPositions? positions) => false;

    /// <summary>After a server has said what it is.</summary>
    /// <param name="version">What it said; null where it does not know the question.</param>
    public virtual DatabaseDialect Confirmed(string? version) => this;

    /// <summary>What to do about a connection that could not be opened, as the end of a sentence; null where nothing is known.</summary>
    public virtual string? RemedyOf(Exception failure) => null;

    /// <summary>The level to ask the provider for.</summary>
    /// <param name="level">What the application, or the library, wants.</param>
    /// <param name="onlyReads">Whether the work is expected to do nothing but read.</param>
    public virtual IsolationLevel LevelToBegin(IsolationLevel level, bool onlyReads) => level;

    /// <summary>For sessions of the master role.</summary>
    public virtual string MasterConnectionString(string connectionString) => connectionString;

    /// <summary>For slave sessions, on whichever server.</summary>
    public virtual string ReadOnlyConnectionString(string connectionString, bool readOnlySwitch) => connectionString;

    /// <summary>For sessions whose statements the provider prepares by itself, where the string says nothing of it.</summary>
    public virtual string PreparingConnectionString(string connectionString) => connectionString;

    /// <summary>For asking a server in the background, beside the application's pool: an exhausted pool must not look like a dead server.</summary>
    public virtual string ProbeConnectionString(string readOnly) => readOnly;

    /// <summary>The one address that a connection string leads to, as host:port; null where it names several, or where it is not known how they are written.</summary>
    public virtual string? AddressOf(string connectionString) => null;

    /// <summary>A connection string for each server that one names; itself where it names one.</summary>
    public virtual string[] SplitHosts(string connectionString) => [connectionString];

    /// <summary>What is wrong with a connection string, as the end of a sentence that begins with whose it is; null where nothing is.</summary>
    /// <param name="connectionString">The string, as configured.</param>
    /// <param name="isSlave">Whether it is a slave's.</param>
    /// <param name="readOnlySwitch">Whether the database's read-only mode is to be used.</param>
    public virtual string? Contradiction(string connectionString, bool isSlave, bool readOnlySwitch) => null;

    /// <summary>One boolean, asked on another connection to the same server: whether the transaction of that process has written so far.</summary>
    public virtual string BackendHasWrittenQuery(long backend) => throw new NotSupportedException($"{Name} cannot be asked what another connection does.");

    /// <summary>What an SQL text does by its words.</summary>
    public SqlVerdict Classify(string sql) => SqlClassifier.Classify(sql, Syntax);

    /// <summary>Commits. Never cancelled: a client that went away does not decide over what was done for it.</summary>
    public virtual async ValueTask<Committed> Commit(DbConnection connection, DbTransaction transaction, ReplicationPositions? positions, bool async)
    {
        if (async)
        {
            await transaction.CommitAsync(CancellationToken.None);
        }
        else
        {
            transaction.Commit();
        }

        return default;
    }

    /// <summary>Writes into a master's log what shows on the slaves that follow it; null where there is no way.</summary>
    public virtual Task<HistoryProof?> WriteProof(DbConnection master, CancellationToken cancellationToken) => Task.FromResult<HistoryProof?>(null);

    /// <summary>Whose fault a failure is. Never by <see cref="DbException.IsTransient"/>, which means something else.</summary>
    public virtual FailureClass Classify(in Failure failure)
    {
        if (failure.IsCancelled || failure.Has<OperationCanceledException>())
        {
            return FailureClass.EndedByUs;
        }

        return failure.Phase switch
        {
            // MySqlConnector's and SqlClient's words; both have no other sign.
            FailurePhase.Open when failure.Says("pooled connections are in use") || failure.Says("obtaining a connection from the pool") => FailureClass.Busy,
            FailurePhase.Open => FailureClass.Unreachable,
            _ when !failure.IsOpen => FailureClass.ConnectionLost,
            FailurePhase.Question when failure.Has<DbException>() => FailureClass.PositionsOff,
            _ => FailureClass.Statement,
        };
    }
}

/// <summary>A database that nothing is known of.</summary>
internal sealed class GenericDialect(string connectionType) : DatabaseDialect
{
    public override string Name => "a database of no known kind";

    public override DatabaseDialect Confirmed(string? version) =>
        version?.StartsWith("PostgreSQL ", StringComparison.Ordinal) == true ? new PostgreSqlDialect(takesKeywords: false)
        : version?.Contains("MariaDB", StringComparison.OrdinalIgnoreCase) == true ? new MySqlDialect(takesKeywords: false, MySqlKind.MariaDb)
        : this;

    /// <summary>SQL Server's repeatable read locks instead.</summary>
    public override IsolationLevel SnapshotLevel =>
        connectionType.EndsWith(".SqlClient.SqlConnection", StringComparison.Ordinal) ? IsolationLevel.Snapshot : IsolationLevel.RepeatableRead;
}
