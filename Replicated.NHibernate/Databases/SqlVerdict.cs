using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Databases;

/// <summary>What a statement does by its words, the least serious first.</summary>
internal enum SqlKind
{
    /// <summary>It reads, unless a function that it calls does more.</summary>
    Query,

    /// <summary>The words do not tell: a procedure, a prepared statement, no SQL at all.</summary>
    Unknown,

    /// <summary>It leaves something on the connection: SET, a cursor, LISTEN.</summary>
    SessionSetting,

    /// <summary>RESET ALL, DISCARD ALL: a read-only mode that came with the connection stays, one that a statement set goes.</summary>
    SessionReset,

    Savepoint,

    /// <summary>BEGIN, COMMIT, ROLLBACK and their kin.</summary>
    TransactionControl,

    RowLock,

    /// <summary>A lock on a number or a name, which holds on one server only and which no read-only mode refuses.</summary>
    AdvisoryLock,

    Write,

    /// <summary>It switches the read-only mode off.</summary>
    LeavesReadOnly,
}

/// <summary>What a text does by its words. They can be deceived, which is why the database's read-only mode stands behind them.</summary>
/// <param name="Kind">The most serious of what its statements do.</param>
/// <param name="Word">What it is called in a message, or empty; never of the text, which may hold a client's data.</param>
/// <param name="HasSeveralStatements">Whether it is more than one statement.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SqlVerdict(SqlKind Kind, string Word, bool HasSeveralStatements)
{
    private readonly int _kinds = 1 << (int)Kind;

    public SqlVerdict(SqlKind kind, string word, bool hasSeveralStatements, int kinds)
        : this(kind, word, hasSeveralStatements) => _kinds = kinds;

    /// <summary>Whether one of the statements is of this kind.</summary>
    public bool Has(SqlKind kind) => (_kinds & (1 << (int)kind)) != 0;

    /// <summary>For a message.</summary>
    public string Describe() => Word.Length == 0 ? "a statement" : $"a statement ({Word})";
}
