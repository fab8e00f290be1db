using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>A slave that its master has lost and the application has not. Over one unit of work: what is in question is how nodes are judged.</summary>
[Promise(13)]
internal sealed class PartitionTests
{
    private static readonly TimeSpan MaxLag = TimeSpan.FromSeconds(1);

    private PostgresCluster _cluster = null!;
    private TcpProxy _wire = null!;

    private PostgresNode Slave => _cluster.Slaves[0];

    [SetUp]
    public async Task Start()
    {
        _cluster = await SharedCluster.StartWithSchema();
        _wire = TcpProxy.Start(_cluster.Master);
        await Slave.FollowAsync(_cluster.Master, _wire);
    }

    [TearDown]
    public async Task Stop()
    {
        await _wire.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task A_slave_parted_from_its_master_lags_as_soon_as_the_master_has_written_for_longer_than_MaxLag([Values] bool hangs)
    {
        await using var app = await App(writes: true);
        await app.More(300);
        var parted = Moment.Now;
        if (hangs)
        {
            _wire.Hang();
        }
        else
        {
            await _wire.CutAsync();
        }

        var lagging = await app.Nodes.Becomes(Slave.Name, "Lagging", since: parted);
        await app.More(300);
        var healed = Moment.Now;
        await _wire.RestoreAsync();
        var up = await app.Nodes.Becomes(Slave.Name, "Up", since: healed);
        await app.Visits.First(v => v.Began > up.At && v.Node == Slave.Name);
        var visits = await app.Stop();

        Account.Print($"a slave parted from a master that writes ({(hangs ? "hung" : "cut")})", UnitOfWork.Connection,
            $"{visits.Length} requests, {visits.Failed().Length} failed; Lagging {(lagging.At - parted).TotalSeconds:F2} s after the parting (MaxLag={MaxLag.TotalSeconds} s), "
            + $"{visits.Begun(lagging.At, healed).Length} requests while it was, none on it; Up {(up.At - healed).TotalMilliseconds:F0} ms after the wire was whole");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Failed(), Is.Empty);
            Assert.That(visits.Begun(lagging.At, healed).On(Slave.Name), Is.Empty, "went to a node that was known to lag");
            Assert.That(app.Nodes.Changes(Slave.Name).Select(m => (m.Former, m.State)), Is.EqualTo(new[] { ("Up", "Lagging"), ("Lagging", "Up") }));
        });
    }

    [Test]
    public async Task A_slave_parted_from_a_master_that_writes_nothing_misses_nothing_and_stays()
    {
        await using var app = await App(writes: false);
        await app.More(100);
        // An idle master still writes once for itself, some seconds after the last of the others; then never again.
        TimeSpan parted;
        NpgsqlTypes.NpgsqlLogSequenceNumber written;
        do
        {
            await _wire.RestoreAsync();
            await Slave.WaitUntilReplayedAsync(await _cluster.Master.CurrentLsnAsync());
            await _wire.CutAsync();
            await Slave.WaitUntilPartedAsync();
            parted = Moment.Now;
            written = await _cluster.Master.CurrentLsnAsync();
            await Slave.WaitUntilReplayedAsync(written);
            // Two probes later than it would be too far behind.
            await app.Visits.First(v => v.Began > parted + MaxLag + TimeSpan.FromSeconds(2.5));
        }
        while (await _cluster.Master.CurrentLsnAsync() != written);

        var visits = await app.Stop();
        var since = visits.Begun(parted);
        Account.Print("a slave parted from an idle master", UnitOfWork.Connection,
            $"{since.Length} reads in {(since.Max(v => v.Ended) - parted).TotalSeconds:F1} s since, {since.On(Slave.Name).Length} on it, {since.Failed().Length} failed (MaxLag={MaxLag.TotalSeconds} s)");
        Assert.Multiple(() =>
        {
            Assert.That(visits.Failed(), Is.Empty);
            Assert.That(app.Nodes.Changes(Slave.Name).Where(m => m.At > parted), Is.Empty);
            Assert.That(since.On(Slave.Name).Length, Is.GreaterThan(since.Length / 4));
        });
    }

    private Task<LoadedApp> App(bool writes) =>
        LoadedApp.StartAsync(UnitOfWork.Connection, _cluster, new() { ["Replicated:MaxLag"] = $"{MaxLag}" }, writes: writes);
}
