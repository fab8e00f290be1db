using System.Globalization;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>
/// Everything at once, for a few seconds; <c>./build.sh torture [seconds] [seed]</c> has it run longer.
/// </summary>
[Promise(13), Promise(10), Promise(16), NonParallelizable]
internal sealed class TortureTests
{
    private const int ShortSeconds = 5;

    [Test]
    public async Task Promises_hold_whatever_happens_to_the_servers()
    {
        var seed = Number("REPLICATED_TORTURE_SEED") ?? Random.Shared.Next(1, 1_000_000);
        var report = await TortureRun.Of(UnitOfWork.All.First(), TimeSpan.FromSeconds(Number("REPLICATED_TORTURE_SECONDS") ?? ShortSeconds), seed);
        await TestContext.Out.WriteLineAsync(report.Account);
        Assert.That(report.Violations.Select(f => $"{f.Kind}: {f.What}").Take(20), Is.Empty, report.Account);
        Assert.That(report.History.Count(o => o.IsOk), Is.GreaterThan(0), report.Account);
    }

    [Test]
    public async Task Without_tokens_the_same_run_is_found_wanting()
    {
        var report = await TortureRun.Of(UnitOfWork.All.First(), TimeSpan.FromSeconds(ShortSeconds), seed: 1, ("Replicated:ReadYourWrites:Mode", "Off"), ("Replicated:MonotonicReads", "Off"));
        await TestContext.Out.WriteLineAsync(report.Account);
        Assert.That(report.Violations.Select(f => f.Kind).Distinct(), Is.SupersetOf(new[] { Checker.StaleOwnRead, Checker.WentBack }), report.Account);
    }

    [Test]
    public async Task Soak_leaves_memory_and_handles_where_they_were()
    {
        var seconds = Number("REPLICATED_TORTURE_SECONDS");
        var report = await SoakRun.Of(UnitOfWork.All.First(), TimeSpan.FromSeconds(seconds ?? ShortSeconds), Number("REPLICATED_TORTURE_SEED") ?? 1);
        await TestContext.Out.WriteLineAsync(report.ToString());
        Assert.That((report.Failed, report.Leftover), Is.EqualTo((0, new Leftover(0, 0, 0))), $"{report}");
        Assert.That(report.Operations, Is.GreaterThan(0));
        if (seconds is not null)
        {
            // In a few seconds nothing has come to rest.
            Assert.That(report.After.Bytes, Is.LessThanOrEqualTo(report.Before.Bytes * 1.05), $"{report}");
            Assert.That(report.After.Handles, Is.LessThanOrEqualTo(report.Before.Handles * 1.05), $"{report}");
        }
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
