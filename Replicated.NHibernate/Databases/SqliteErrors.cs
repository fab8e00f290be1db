using System.Collections.Concurrent;
using System.Data.Common;
using System.Reflection;

namespace Replicated.NHibernate.Databases;

/// <summary>What SQLite's result codes tell. The provider shows them in a property of its own, which is looked for by its name.</summary>
internal static class SqliteErrors
{
    private const int Busy = 5;
    private const int Locked = 6;
    private const int CannotOpen = 14;
    private const int Authorization = 23;
    private const int NotADatabase = 26;
    private const int BusySnapshot = 517;

    private static readonly ConcurrentDictionary<Type, PropertyInfo?> Codes = new();

    /// <summary>The extended code, whose low byte is the primary one; null where the exception has none.</summary>
    public static int? CodeOf(DbException e) =>
        Codes.GetOrAdd(e.GetType(), static type => type.GetProperty("SqliteExtendedErrorCode"))?.GetValue(e) as int?;

    /// <summary>Null where the code tells nothing.</summary>
    public static FailureClass? Classify(in Failure failure)
    {
        if (failure.IsCancelled || failure.Chain.OfType<DbException>().Select(CodeOf).FirstOrDefault(static code => code is not null) is not { } code)
        {
            return null;
        }

        return code == BusySnapshot ? FailureClass.Conflict
            : (code & 0xff) switch
            {
                Busy or Locked => FailureClass.Busy,
                CannotOpen when failure.Phase == FailurePhase.Open => FailureClass.Unreachable,
                Authorization or NotADatabase when failure.Phase == FailurePhase.Open => FailureClass.RefusedUs,
                _ => null,
            };
    }
}
