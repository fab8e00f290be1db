using NHibernate.Stat;

namespace Replicated.NHibernate;

/// <summary>One of NHibernate's counters, of both factories.</summary>
/// <param name="Name">Its name in <see cref="IStatistics"/>, such as <c>EntityLoadCount</c>.</param>
/// <param name="Master">The master's factory's.</param>
/// <param name="Slave">The slaves' factory's; 0 where no slave is configured.</param>
public sealed record ReplicatedStatistic(string Name, long Master, long Slave)
{
    private static readonly System.Reflection.PropertyInfo[] Counters =
        [.. typeof(IStatistics).GetProperties().Where(p => p.PropertyType == typeof(long)).OrderBy(p => p.Name, StringComparer.Ordinal)];

    /// <summary>Both together.</summary>
    public long Total => Master + Slave;

    internal static IReadOnlyList<ReplicatedStatistic> Of(IStatistics master, IStatistics? slave) =>
        Array.ConvertAll(Counters, c => new ReplicatedStatistic(c.Name, Value(c, master), slave is null ? 0 : Value(c, slave)));

    private static long Value(System.Reflection.PropertyInfo counter, IStatistics statistics) => (long)counter.GetValue(statistics)!;
}
