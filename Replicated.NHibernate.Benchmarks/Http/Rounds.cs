using System.Diagnostics;
using System.Globalization;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What a round of load came to.</summary>
internal sealed record Round(double PerSecond, double CpuMicroseconds, double Bytes);

/// <summary>Pairs of rounds: the hand-written application, the routed one, the hand-written one again.</summary>
internal sealed record RoundsResult(Round[] Plain, Round[] Routed, Round[] Again)
{
    public double Ratio => Median.Of(Ratios(Routed, r => r.PerSecond));

    public FormattableString Figures =>
        $"{Ratio:0.000} x ({Median.Of(Routed.Select(r => r.PerSecond)):0}/s against {Median.Of(Plain.Select(r => r.PerSecond)):0}/s; pairs {Join(Ratios(Routed, r => r.PerSecond))}; A/A {Join(Ratios(Again, r => r.PerSecond))})";

    /// <summary>Less disturbed by what else the machine does; the clients' part, the same for all, is in it.</summary>
    public FormattableString Details =>
        $"processor time {Median.Of(Ratios(Routed, r => r.CpuMicroseconds)):0.000} x of {Median.Of(Plain.Select(r => r.CpuMicroseconds)):0} us a request (A/A {Median.Of(Ratios(Again, r => r.CpuMicroseconds)):0.000}), {Median.Of(Routed.Select(r => r.Bytes)) - Median.Of(Plain.Select(r => r.Bytes)):+0;-0} bytes on {Median.Of(Plain.Select(r => r.Bytes)):0}";

    private IEnumerable<double> Ratios(Round[] rounds, Func<Round, double> figure) => rounds.Zip(Plain, (b, a) => figure(b) / figure(a));

    private static string Join(IEnumerable<double> ratios) =>
        string.Join(' ', ratios.Select(r => r.ToString("0.000", CultureInfo.InvariantCulture)));
}

internal static class Rounds
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);

    /// <param name="plain">A.</param>
    /// <param name="routed">B.</param>
    /// <param name="again">A in an instance of its own.</param>
    /// <param name="load">What the clients send.</param>
    /// <param name="arguments">How many pairs, and how long each round lasts.</param>
    /// <param name="settle">Waits until the servers have nothing left to do from a round.</param>
    public static async Task<RoundsResult> Compare(HttpApp plain, HttpApp routed, HttpApp again, HttpLoad load, Arguments arguments, Func<Task> settle)
    {
        HttpApp[] apps = [plain, routed, again];
        foreach (var app in apps.Concat(apps))
        {
            await load.RunAsync(app.Address, WarmUp / 2);
        }

        var rounds = apps.Select(_ => new Round[arguments.Pairs]).ToArray();
        for (var pair = 0; pair < arguments.Pairs; pair++)
        {
            for (var turn = 0; turn < apps.Length; turn++)
            {
                // A B A', then B A' A and so on: each takes each turn.
                var app = (turn + pair) % apps.Length;
                await settle();
                rounds[app][pair] = await Run(apps[app], load, arguments.Round);
            }
        }

        return new RoundsResult(rounds[0], rounds[1], rounds[2]);
    }

    private static async Task<Round> Run(HttpApp app, HttpLoad load, TimeSpan time)
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        var (cpu, bytes, start) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(), Stopwatch.GetTimestamp());
        var count = await load.RunAsync(app.Address, time);
        var elapsed = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        return new Round(
            count / elapsed.TotalSeconds,
            (process.TotalProcessorTime - cpu).TotalMicroseconds / count,
            (double)(GC.GetTotalAllocatedBytes() - bytes) / count);
    }
}
