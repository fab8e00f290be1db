using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>Which statements run where, by what their words do.</summary>
internal static class StatementGuard
{
    // Row locks write on a slave; after the commit they are in vain, and the connection is read-only.
    public static bool Refuses(SqlVerdict verdict, DatabaseDialect dialect) => verdict.Kind switch
    {
        // A read-only mode that a statement has set goes with the other settings.
        SqlKind.SessionReset => !dialect.SwitchesByConnectionString && dialect.MakeReadOnly is not null,
        SqlKind.Write or SqlKind.LeavesReadOnly or SqlKind.AdvisoryLock or SqlKind.RowLock => true,
        _ => false,
    };

    /// <summary>Whether a statement that nobody refuses may write. In a transaction PostgreSQL tells with the commit; a statement that commits by itself is only known by its words.</summary>
    public static bool MayWrite(SqlVerdict verdict, string sql, bool answersWithRows, bool isAutocommitted) => verdict.Kind switch
    {
        SqlKind.Write or SqlKind.LeavesReadOnly or SqlKind.Unknown => true,
        SqlKind.Query => isAutocommitted ? SqlFunctions.MayWrite(sql) : !answersWithRows && verdict.Word.Length == 0,
        _ => false,
    };
}
