using System.Data.Common;
using System.Net.Sockets;

namespace Replicated.NHibernate.Databases;

/// <summary>What PostgreSQL's codes and Npgsql's exceptions tell; the first that fits counts.</summary>
internal static class PostgreSqlErrors
{
    public static FailureClass Classify(in Failure failure)
    {
        var state = StateOf(failure);
        // A cancelled opening is a timeout by its exception, so the token is looked at first.
        if (failure.IsCancelled || failure.Has<OperationCanceledException>() || state is "25P03" or "25P04")
        {
            return FailureClass.EndedByUs;
        }

        // Only the message tells an exhausted pool.
        if (state == "53300" || failure.Says("pool has been exhausted"))
        {
            return FailureClass.Busy;
        }

        return failure.Phase == FailurePhase.Open ? OfOpening(state)
            : IsLost(failure, state) ? FailureClass.ConnectionLost
            : failure.Phase == FailurePhase.Question && state is "42501" or "0A000" or "42883" ? FailureClass.PositionsOff
            : failure.OnSlave && state is ("40001" or "40P01") ? FailureClass.Conflict
            : FailureClass.Statement;
    }

    private static FailureClass OfOpening(string? state) =>
        state is "3D000" or "42501" || state?.StartsWith("28", StringComparison.Ordinal) == true ? FailureClass.RefusedUs
        : FailureClass.Unreachable;

    private static bool IsLost(in Failure failure, string? state) =>
        state is "57P01" or "57P02" or "57P05" || state?.StartsWith("08", StringComparison.Ordinal) == true
        || (!failure.IsOpen && (state is null || failure.Error.Data["Severity"] is "FATAL" or "PANIC"
            || failure.Has<IOException>() || failure.Has<SocketException>() || failure.Has<TimeoutException>()));

    private static string? StateOf(in Failure failure) => failure.Chain.OfType<DbException>().Select(static e => e.SqlState).FirstOrDefault(static s => s is not null);
}
