using System.Diagnostics;
using System.Runtime;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Two pieces of code on one thread, compared; medians. The first of them ran a second time for the A/A ratio.</summary>
internal sealed record Comparison(double BaselineNanoseconds, double Nanoseconds, double Ratio, double Same, double BaselineBytes, double Bytes)
{
    public double MoreBytes => Bytes - BaselineBytes;
}

/// <summary>
/// Runs short slices of A, B and A again in turn, so that whatever else the machine does meets all of them alike: a ratio belongs to slices that
/// ran one after another. Shorter than the scheduler's, so that most are not interrupted.
/// </summary>
internal static class Slices
{
    private static readonly TimeSpan Slice = TimeSpan.FromMicroseconds(150);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MostWarmUp = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(1);
    private const int Cycles = 8000;

    /// <param name="baseline">A: does its work as often as it is told.</param>
    /// <param name="subject">B.</param>
    /// <param name="fewer">By how much it is done less often, where once takes long.</param>
    /// <param name="again">A in an instance of its own, where it has one.</param>
    public static Comparison Compare(Action<int> baseline, Action<int> subject, int fewer = 1, Action<int>? again = null)
    {
        var cycles = Cycles / fewer;
        Action<int>[] arms = [baseline, subject, again ?? baseline];
        var times = WarmUpAndCount(arms);
        var taken = arms.Select(_ => new double[cycles]).ToArray();
        for (var cycle = 0; cycle < cycles; cycle++)
        {
            for (var turn = 0; turn < arms.Length; turn++)
            {
                // Each arm takes each turn equally often.
                var arm = (turn + cycle) % arms.Length;
                taken[arm][cycle] = Nanoseconds(arms[arm], times) / times;
            }
        }

        return new Comparison(
            Median.Of(taken[0]),
            Median.Of(taken[1]),
            Median.Of(taken[1].Zip(taken[0], (b, a) => b / a)),
            Median.Of(taken[2].Zip(taken[0], (b, a) => b / a)),
            Bytes(baseline, fewer),
            Bytes(subject, fewer));
    }

    // Until the runtime has compiled everything in its last form, and as many rounds of work as fill a slice.
    private static int WarmUpAndCount(Action<int>[] arms)
    {
        var times = 1;
        var (start, still, compiled) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp(), 0L);
        while (Stopwatch.GetElapsedTime(start) < MostWarmUp
            && (Stopwatch.GetElapsedTime(start) < WarmUp || Stopwatch.GetElapsedTime(still) < Still))
        {
            if (JitInfo.GetCompiledMethodCount() is var now && now != compiled)
            {
                (still, compiled) = (Stopwatch.GetTimestamp(), now);
            }

            foreach (var arm in arms)
            {
                var ratio = Slice.TotalNanoseconds / Nanoseconds(arm, times);
                times = Math.Clamp((int)(times * Math.Clamp(ratio, 0.5, 2)), 1, 10_000_000);
            }
        }

        return times;
    }

    private static double Nanoseconds(Action<int> arm, int times)
    {
        var start = Stopwatch.GetTimestamp();
        arm(times);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    private static double Bytes(Action<int> arm, int fewer)
    {
        var often = 100_000 / fewer;
        var before = GC.GetAllocatedBytesForCurrentThread();
        arm(often);
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / often;
    }
}
