using System.Globalization;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What a master session committed it never sees older again, whatever slave sessions do to the caches meanwhile.</summary>
[Promise(14)]
internal sealed class CacheTortureTests
{
    /// <summary>REPLICATED_TORTURE makes each run so many seconds long, and adds those of NHibernate alone; 60 gives the table of docs/nhibernate.md.</summary>
    private static readonly int? Asked = int.TryParse(
        Environment.GetEnvironmentVariable("REPLICATED_TORTURE"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(Asked ?? 4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(Asked ?? 60);

    private readonly string _store = Guid.NewGuid().ToString();
    private PostgresCluster _cluster = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema();
        await SharedCluster.Execute(_cluster.Master, ShelfMap.Tables);
        await _cluster.WaitForSlavesAsync();
        TestContext.Out.WriteLine(TortureCounts.Header);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        MemoryStore.Named(_store).Dispose();
        NpgsqlConnection.ClearAllPools();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task A_master_session_never_sees_older_than_it_committed([Values] bool shared)
    {
        await using var app = ShelfApp.Start(_cluster, shared ? _store : null);
        using var torture = new CacheTorture(app, _cluster);
        var counts = await torture.Run(Long);
        TestContext.Out.WriteLine(counts.Row(Name(shared), app.Factories.Master, app.Factories.Slave));
        Assert.That(counts.Violations, Is.Empty);
        Assert.That(new[] { counts.Writes, counts.Checks, counts.LateReads, counts.HitsOnMaster }, Is.All.Positive);
        Assert.That(counts.HitsOnSlaves, shared ? Is.Positive : Is.Zero);
        if (Asked is not null)
        {
            await Compare(app, Name(shared));
        }
    }

    [Test]
    public async Task With_the_rule_switched_off_it_does()
    {
        await using var app = ShelfApp.Start(_cluster, _store);
        using var plain = ShelfMap.Plain(_store, _cluster.Slaves[0].ConnectionString);
        using var torture = new CacheTorture(app, _cluster, plain) { EndsWhenFound = Asked is null };
        var counts = await torture.Run(Patience);
        TestContext.Out.WriteLine(counts.Row("one store, rule off", app.Factories.Master, plain));
        Assert.That(new[] { counts.ByEntity, counts.ByQuery }, Is.All.Positive, "The torture must find them, or it is worth nothing.");
    }

    /// <summary>What NHibernate keeps without any slave, and what it does not.</summary>
    private async Task Compare(ShelfApp app, string name)
    {
        using var turns = new CacheTorture(app, _cluster) { Readers = 0 };
        var counts = await turns.Run(Long);
        TestContext.Out.WriteLine(counts.Row($"{name}, nobody reads on slaves", app.Factories.Master, app.Factories.Slave));
        using var noTurns = new CacheTorture(app, _cluster) { Readers = 0, TakesNoTurns = true };
        var overlapping = await noTurns.Run(Long);
        TestContext.Out.WriteLine(overlapping.Row($"{name}, nobody reads on slaves, no turns", app.Factories.Master, app.Factories.Slave));
        Assert.That(counts.Violations, Is.Empty);
    }

    private static string Name(bool shared) => shared ? "one store" : "off on the slaves";
}
