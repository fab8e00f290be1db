using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>What this process, application and clients together, holds when garbage is collected.</summary>
internal sealed record Held(long Bytes, int Handles)
{
    public static Held Now()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        const string handles = "/proc/self/fd";
        return new(GC.GetTotalMemory(forceFullCollection: true), Directory.Exists(handles) ? Directory.GetFileSystemEntries(handles).Length : 0);
    }
}

/// <summary>What a soak came to.</summary>
internal sealed record SoakReport(int Operations, int Failed, Held Before, Held After, Leftover Leftover);

/// <summary>A steady load on servers that nobody disturbs, longer than anything could pile up unseen.</summary>
internal static class SoakRun
{
    public static async Task<SoakReport> Of(UnitOfWork unit, TimeSpan time, int seed)
    {
        await using var app = await TortureApp.StartAsync(unit);
        var (operations, failed) = (0, 0);
        void Count(Operation operation)
        {
            Interlocked.Increment(ref operations);
            if (operation is { Status: not 200, Kind: not OperationKind.Abort })
            {
                Interlocked.Increment(ref failed);
            }
        }

        using var enough = new CancellationTokenSource();
        var clients = Enumerable.Range(0, TortureRun.Clients).Select(n => new TortureClient(app, Count, n, TortureRun.Clients, seed)).ToArray();
        var running = Task.WhenAll(clients.Select(c => Task.Run(() => c.Run(enough.Token))));
        // Pools and caches are as large as they get.
        await Task.Delay(time / 3);
        var before = Held.Now();
        await Task.Delay(2 * time / 3);
        var after = Held.Now();
        await enough.CancelAsync();
        await running;
        Array.ForEach(clients, c => c.Dispose());
        return new(operations, failed, before, after, await TortureRun.Settled(app));
    }
}
