using System.Globalization;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Load;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>GET after POST in numbers on MariaDB: one replica has its SQL thread stopped, one lags by up to 400 ms, and everybody writes.</summary>
[Promise(10)]
internal sealed class MariaDbPairTests
{
    /// <summary>REPLICATED_PAIRS makes it longer; 20000 gives the table of docs/databases.md.</summary>
    private static readonly int Pairs = int.TryParse(Environment.GetEnvironmentVariable("REPLICATED_PAIRS"), NumberStyles.None, CultureInfo.InvariantCulture, out var pairs) ? pairs : 1_500;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _end = new();
    private MariaDbCluster _cluster = null!;
    private TestApp _app = null!;
    private MariaDbReplayWatch _watch = null!;
    private Task _lagging = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema);
        await _cluster.Slaves[0].PauseAsync();
        _watch = MariaDbReplayWatch.Start(_cluster.Slaves);
        _lagging = Lag(_cluster.Slaves[1]);
        var settings = _cluster.Configuration(";Maximum Pool Size=80");
        settings["Replicated:MaxFallbackSessions"] = "64";
        _app = await TestApp.StartAsync(MariaDbBoard.Unit, PairRun.Map, settings: settings, build: builder => builder.Logging.SetMinimumLevel(LogLevel.Error), slaves: 0);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
            await _end.CancelAsync();
            await _lagging;
            await _watch.DisposeAsync();
            await _cluster.DisposeAsync();
        }

        _end.Dispose();
    }

    [Test]
    public async Task Who_wrote_never_reads_stale_and_reads_on_a_slave_as_soon_as_one_has_it()
    {
        var tokens = await Run("Auto", "a token", Pairs, PairCounts.Header);
        var nothing = await Run("Off", "nothing", Math.Max(Pairs / 10, 256));
        Assert.That(tokens.Failures.Concat(nothing.Failures), Is.Empty, () => $"{_app.Log.LastException}");
        Assert.That((tokens.Writes, tokens.Reads, tokens.Stale), Is.EqualTo((Pairs, Pairs, 0)));
        Assert.That(tokens.SlaveHadIt, Is.GreaterThan(Pairs / 10), "reads that a slave could have served");
        Assert.That(tokens.ServedBySlave, Is.GreaterThanOrEqualTo(0.99));
        Assert.That(nothing.Stale, Is.Positive, "With tokens off the check must find stale reads, or it is worth nothing.");
    }

    private async Task<PairCounts> Run(string mode, string name, int writes, string? print = null)
    {
        _app.Reload("Replicated:ReadYourWrites:Mode", mode);
        var counts = await new PairRun(_app, _watch, writes).Run();
        TestContext.Out.WriteLine(print is null ? counts.Row(name) : $"{print}\n{counts.Row(name)}");
        return counts;
    }

    // A replica's own delay counts in whole seconds, so it is stopped and started.
    private async Task Lag(MariaDbNode slave)
    {
        try
        {
            while (true)
            {
                await slave.PauseAsync();
                await Task.Delay(2 * Pause, _end.Token);
                await slave.ResumeAsync();
                await Task.Delay(Pause, _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
