using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>Which statements run where, by what their words do.</summary>
internal static class StatementGuard
{
    /// <summary>PostgreSQL's word for a write in a read-only transaction.</summary>
    public const string ReadOnlyTransaction = "25006";

    // Row locks after the commit are in vain and harmless; on a slave they write.
    public static bool Refuses(SqlVerdict verdict, WriteRefusal refusal) => verdict.Kind switch
    {
        SqlKind.Write or SqlKind.LeavesReadOnly or SqlKind.AdvisoryLock => true,
        SqlKind.RowLock => refusal == WriteRefusal.Slave,
        _ => false,
    };

    /// <summary>Whether a statement that nobody refuses may write: the server says so with the commit, where it is asked.</summary>
    public static bool MayWrite(SqlVerdict verdict, bool answersWithRows) => verdict.Kind switch
    {
        SqlKind.Write or SqlKind.LeavesReadOnly => true,
        SqlKind.Unknown => true,
        SqlKind.Query => !answersWithRows && verdict.Word.Length == 0,
        _ => false,
    };
}
