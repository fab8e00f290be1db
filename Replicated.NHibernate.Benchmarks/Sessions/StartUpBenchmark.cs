using System.Diagnostics;
using System.Globalization;
using NHibernate;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Both factories of 200 Fluent entities in an application, from registration to ready, against the one that it has anyway.</summary>
internal sealed class StartUpBenchmark() : Benchmark("startup")
{
    private const double MostTime = 1.35;
    private const double MostMemory = 2.0;
    private const int LeastPairs = 9;
    private const string OfChild = "REPLICATED_STARTUP";

    public override async Task Run(Arguments arguments, Report report)
    {
        if (Environment.GetEnvironmentVariable(OfChild) is { } child)
        {
            Console.WriteLine((child == nameof(Both) ? Both() : One()).Milliseconds.ToString(CultureInfo.InvariantCulture));
            return;
        }

        var pairs = Math.Max(arguments.Pairs, LeastPairs);
        var cold = await InTurn(pairs, InChild(nameof(One)), InChild(nameof(Both)));
        Line("startup, in a fresh process", "ms", MostTime, cold, r => r.Milliseconds);
        await InTurn(1, Here(One), Here(Both));
        var warm = await InTurn(pairs, Here(One), Here(Both));
        Line("startup, once more in a process", "ms", MostTime, warm, r => r.Milliseconds);
        Line("startup, memory they keep", "MB", MostMemory, warm, r => r.Bytes / 1_000_000);

        void Line(string what, string unit, double most, List<Result>[] results, Func<Result, double> figure)
        {
            double[] middle = [.. results.Select(r => Median.Of(r.Select(figure)))];
            var (ratio, same) = (Ratio(results[1], results[0], figure), Ratio(results[2], results[0], figure));
            report.Line(what, $"{ratio:0.000} x ({middle[1]:0.0} {unit} against {middle[0]:0.0} {unit} for one) (A/A {same:0.000})", $"{most} x", ratio <= most);
        }
    }

    // One, both and one again, each of them in each turn equally often.
    private static async Task<List<Result>[]> InTurn(int pairs, Func<Task<Result>> one, Func<Task<Result>> both)
    {
        Func<Task<Result>>[] arms = [one, both, one];
        var results = arms.Select(_ => new List<Result>()).ToArray();
        for (var pair = 0; pair < pairs; pair++)
        {
            for (var turn = 0; turn < arms.Length; turn++)
            {
                var arm = (turn + pair) % arms.Length;
                results[arm].Add(await arms[arm]());
            }
        }

        return results;
    }

    private static Func<Task<Result>> Here(Func<Result> arm) => () => Task.FromResult(arm());

    private static Func<Task<Result>> InChild(string arm) => async () =>
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, "startup") { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment[OfChild] = arm;
        using var process = Process.Start(start)!;
        var lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await process.WaitForExitAsync();
        return new Result(double.Parse(lines[^1], CultureInfo.InvariantCulture), 0);
    };

    private static Result One() => Measured(services => services.AddSingleton(_ => ManyEntities.PlainFactory()), services => services.GetRequiredService<ISessionFactory>());

    private static Result Both() => Measured(services => services.AddReplicatedNHibernate(ManyEntities.Configure), services => services.GetRequiredService<ReplicatedSessionFactories>());

    private static Result Measured(Action<IServiceCollection> register, Func<IServiceProvider, object> ready)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var start = Stopwatch.GetTimestamp();
        var app = Unconnected.Build(builder => register(builder.Services));
        using var end = (IDisposable)app;
        var kept = ready(app.Services);
        var taken = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(kept);
        return new Result(taken, bytes);
    }

    private static double Ratio(List<Result> subject, List<Result> baseline, Func<Result, double> figure) =>
        Median.Of(subject.Zip(baseline, (s, b) => figure(s) / figure(b)));

    private sealed record Result(double Milliseconds, double Bytes);
}
