using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>What MariaDB's and MySQL's error numbers tell; the first that fits counts.</summary>
internal static class MySqlErrors
{
    private const int TooManyConnections = 1040;
    private const int Unreachable = 1042;
    private const int ShuttingDown = 1053;
    private const int TooManyUserConnections = 1203;
    private const int UserLimitReached = 1226;
    private const int Deadlock = 1213;
    private const int ReadOnlyServer = 1290;
    private const int ReadOnlyTransaction = 1792;
    private const int ReadOnlyMode = 1836;
    private const int Killed = 1927;

    // User, host, database, privilege; MariaDB's socket authentication.
    private static readonly int[] Refusals = [1044, 1045, 1049, 1130, 1142, 1698, 3118, 4151];

    // Privilege, function or variable that is not there.
    private static readonly int[] CannotTell = [1142, 1193, 1227, 1305, 1370, 1064];

    public static bool IsReadOnlyRefusal(DbException e) => e.SqlState == "25006" || NumberOf(e) is ReadOnlyServer or ReadOnlyTransaction or ReadOnlyMode;

    /// <summary>The server's number; null where the exception has none.</summary>
    public static int? NumberOf(Exception e) => e.Data["Server Error Code"] as int? ?? (e.Data["Server Error Code"] is IConvertible code ? Convert.ToInt32(code, System.Globalization.CultureInfo.InvariantCulture) : null);

    public static FailureClass Classify(in Failure failure)
    {
        if (failure.IsCancelled || failure.Has<OperationCanceledException>())
        {
            return FailureClass.EndedByUs;
        }

        var number = failure.Chain.OfType<DbException>().Select(static e => NumberOf(e)).FirstOrDefault(static n => n is > 0);
        // An exhausted pool has the number of a server that nobody reaches; only the message tells them apart.
        return number is TooManyConnections or TooManyUserConnections or UserLimitReached || (number == Unreachable && failure.Says("pooled connections are in use")) ? FailureClass.Busy
            : failure.Phase == FailurePhase.Open ? number is { } said && Refusals.Contains(said) ? FailureClass.RefusedUs : FailureClass.Unreachable
            : !failure.IsOpen || number is ShuttingDown or Killed ? FailureClass.ConnectionLost
            : failure.Phase == FailurePhase.Question && number is { } answer && CannotTell.Contains(answer) ? FailureClass.PositionsOff
            : failure.OnSlave && number == Deadlock ? FailureClass.Conflict
            : FailureClass.Statement;
    }
}
