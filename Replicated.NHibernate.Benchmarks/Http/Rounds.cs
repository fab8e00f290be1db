using System.Diagnostics;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What a round of load came to, for each request.</summary>
internal sealed record Round(double PerSecond, double AppMicroseconds, double BackendMicroseconds, double Bytes);

/// <summary>All rounds of one application.</summary>
internal sealed record ArmRounds(string Name, Round[] Rounds)
{
    public double Of(Func<Round, double> figure) => Median.Of(Rounds.Select(figure));

    /// <summary>The median of the ratios, pair by pair.</summary>
    public double Against(ArmRounds other, Func<Round, double> figure) => Median.Of(Rounds.Zip(other.Rounds, (a, b) => figure(a) / figure(b)));
}

internal static class RoundRobin
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);

    /// <param name="apps">What is compared; each takes each turn.</param>
    /// <param name="load">What the clients send.</param>
    /// <param name="arguments">How many rounds for each, and how long one lasts.</param>
    /// <param name="servers">Whose processes are counted.</param>
    /// <param name="settle">Waits until the servers have nothing left to do from a round.</param>
    public static async Task<ArmRounds[]> RunAsync(IReadOnlyList<ArmProcess> apps, HttpLoad load, Arguments arguments, IReadOnlyList<string> servers, Func<Task> settle)
    {
        foreach (var app in apps)
        {
            await load.RunAsync(app.Address, WarmUp);
        }

        ArmRounds[] all = [.. apps.Select(a => new ArmRounds(a.Name, new Round[arguments.Pairs]))];
        for (var pair = 0; pair < arguments.Pairs; pair++)
        {
            for (var turn = 0; turn < apps.Count; turn++)
            {
                var app = (turn + pair) % apps.Count;
                await settle();
                all[app].Rounds[pair] = await RunAsync(apps[app], load, arguments.Round, new Backends(servers, apps[app].Name));
            }
        }

        return all;
    }

    private static async Task<Round> RunAsync(ArmProcess app, HttpLoad load, TimeSpan time, Backends backends)
    {
        var (backend, bytes, cpu, start) = (await backends.UsedAsync(), await app.AllocatedAsync(), app.Cpu, Stopwatch.GetTimestamp());
        var count = await load.RunAsync(app.Address, time);
        var (elapsed, used) = (Stopwatch.GetElapsedTime(start), app.Cpu - cpu);
        return new Round(
            count / elapsed.TotalSeconds,
            used.TotalMicroseconds / count,
            (await backends.UsedAsync() - backend).TotalMicroseconds / count,
            (await app.AllocatedAsync() - bytes) / count);
    }
}
