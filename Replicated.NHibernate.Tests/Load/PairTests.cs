using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Load;

/// <summary>GET after POST in numbers: one slave shows nothing new, one is 200 ms behind, and everybody writes.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class PairTests(UnitOfWork unit)
{
    /// <summary>REPLICATED_PAIRS makes it longer; 200000 gives the tables of docs/get-after-post.md.</summary>
    private static readonly int? Asked = int.TryParse(
        Environment.GetEnvironmentVariable("REPLICATED_PAIRS"), NumberStyles.None, CultureInfo.InvariantCulture, out var pairs) ? pairs : null;

    private static readonly int Pairs = Asked ?? 1_500;

    // What only shows a share needs fewer.
    private static readonly int Fewer = Math.Max(Pairs / 10, 256);

    private PostgresCluster _cluster = null!;
    private TestApp _app = null!;
    private ReplayWatch _watch = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema();
        await SharedCluster.Execute(_cluster.Master, PairRun.Index);
        await _cluster.WaitForSlavesAsync();
        await SharedCluster.Execute(_cluster.Slaves[1], "alter system set recovery_min_apply_delay = '200ms'");
        await SharedCluster.Execute(_cluster.Slaves[1], "select pg_reload_conf()");
        await _cluster.Slaves[0].PauseReplayAsync();
        _watch = ReplayWatch.Start(_cluster.Slaves);
        var settings = TestApp.Settings(_cluster).ToDictionary(
            s => s.Key,
            s => s.Key.EndsWith(":Name", StringComparison.Ordinal) ? s.Value : $"{s.Value};Maximum Pool Size=80");
        // With a fixed window everybody reads on the master.
        settings["Replicated:MaxFallbackSessions"] = "64";
        _app = await TestApp.StartAsync(unit, PairRun.Map, _cluster, settings, builder => builder.Logging.SetMinimumLevel(LogLevel.Error));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _watch.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task Who_wrote_never_reads_stale_and_reads_on_a_slave_as_soon_as_one_has_it()
    {
        var tokens = await Run("Auto", "a token", Pairs, print: PairCounts.Header);
        var shortWindow = await Run("Window", "a window of 2 s", Fewer, "00:00:02");
        var longWindow = await Run("Window", "a window of 5 s", Fewer, "00:00:05");
        var nothing = await Run("Off", "nothing", Fewer);

        Assert.That(new[] { tokens, shortWindow, longWindow, nothing }.SelectMany(c => c.Failures), Is.Empty, () => $"{_app.Log.LastException}");
        Assert.That((tokens.Writes, tokens.Reads, tokens.Stale), Is.EqualTo((Pairs, Pairs, 0)));
        Assert.That(tokens.SlaveHadIt, Is.GreaterThan(Pairs / 10), "reads that a slave could have served");
        Assert.That(tokens.ServedBySlave, Is.GreaterThanOrEqualTo(0.99));
        Assert.That(nothing.Stale, Is.Positive, "With tokens off the check must find stale reads, or it is worth nothing.");
    }

    /// <summary>People who read much and write seldom: what a window costs them, and that it does not hold what it promises.</summary>
    [Test]
    public async Task A_token_also_holds_where_a_window_is_over_before_the_slave_has_the_write()
    {
        var (few, reads) = (Math.Max(Pairs / 200, 64), 15);
        var tokens = await Run("Auto", "a token", few, print: PairCounts.Header, reads: reads);
        var window = await Run("Window", "a window of 2 s", few, "00:00:02", reads: reads);
        if (Asked is not null)
        {
            await Run("Window", "a window of 5 s", few, "00:00:05", reads: reads);
        }

        Assert.That(tokens.Failures.Concat(window.Failures), Is.Empty, () => $"{_app.Log.LastException}");
        Assert.That((tokens.Stale, tokens.Reads), Is.EqualTo((0, few * reads)));
        Assert.That(tokens.ServedBySlave, Is.GreaterThanOrEqualTo(0.99));
        Assert.That(window.Stale, Is.Positive, "The paused slave is further behind than the window is long.");
    }

    private async Task<PairCounts> Run(string mode, string name, int writes, string window = "00:00:05", string? print = null, int reads = 1)
    {
        _app.Reload("Replicated:ReadYourWrites:Window", window);
        _app.Reload("Replicated:ReadYourWrites:Mode", mode);
        var counts = await new PairRun(_app, _watch, writes, reads).Run();
        TestContext.Out.WriteLine(print is null ? counts.Row(name) : $"{print}\n{counts.Row(name)}");
        return counts;
    }
}
