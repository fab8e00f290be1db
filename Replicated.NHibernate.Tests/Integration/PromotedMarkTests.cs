using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Marks across a failover: the new master writes a log of its own, which a slave of the old one never gets.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(13)]
internal sealed class PromotedMarkTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;
    private WorkApp _app = null!;
    private Mark _beforeIt;
    private Guid _writtenBeforeIt;

    [OneTimeSetUp]
    public async Task Promote()
    {
        _nodes = await OwnNodes.StartAsync();
        await using (var before = await _nodes.QuietApp(unit))
        {
            var client = new MarkedClient(before);
            _writtenBeforeIt = await client.Write();
            _beforeIt = client.Mark;
        }

        await _nodes.Cluster.WaitForSlavesAsync();
        await _nodes.Cluster.Slaves[0].PromoteAsync();
        _app = await _nodes.QuietApp(
            unit,
            new() { ["ConnectionStrings:Master"] = _nodes.Cluster.Slaves[0].ConnectionString, ["ConnectionStrings:Slave"] = _nodes.Cluster.Slaves[1].ConnectionString },
            slaves: 1);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [Test]
    public async Task What_was_written_before_is_read_from_a_slave_that_has_it()
    {
        var client = new MarkedClient(_app) { Cookie = _beforeIt.ToString() };
        var read = await client.Read(_writtenBeforeIt);
        Assert.That((read.Place.Port, read.Has), Is.EqualTo((_nodes.Cluster.Slaves[1].Port, true)));
    }

    [Test]
    public async Task What_the_new_master_wrote_is_not_looked_for_on_a_slave_of_the_old_log()
    {
        // However far the old master's log goes on.
        await SharedCluster.Execute(_nodes.Master, "select pg_switch_wal(); create table more as select generate_series(1, 20000)");
        await _nodes.Cluster.Slaves[1].WaitUntilReplayedAsync(await _nodes.Master.CurrentLsnAsync());
        await _app.Sample();
        var client = new MarkedClient(_app);
        var id = await client.Write();
        var read = await client.Read(id);
        var strictly = await client.Read(id, "/slave");

        Assert.That(client.Mark.Position?.Log, Is.EqualTo((UInt128)2), "the timeline of the promoted server");
        Assert.That((read.Place, read.Has, read.Route), Is.EqualTo((new Place(_nodes.Cluster.Slaves[0].Port, InRecovery: false), true, "role=slave; node=master; reason=mark")));
        Assert.That((strictly.Place.Port, strictly.Has, strictly.Route), Is.EqualTo((_nodes.Cluster.Slaves[1].Port, false, "role=slave; node=slave-1; reason=stale")));
    }

    [Test]
    public async Task A_place_that_the_old_master_alone_had_ends_by_its_age()
    {
        var lost = _beforeIt.Position!.Value with { Offset = _beforeIt.Position.Value.Offset + (1UL << 30) };
        var young = new MarkedClient(_app) { Cookie = new Mark(_nodes.Clock.GetUtcNow(), lost).ToString() };
        var old = new MarkedClient(_app) { Cookie = new Mark(_nodes.Clock.GetUtcNow() - TimeSpan.FromSeconds(61), lost).ToString() };
        Assert.That((await young.Read(_writtenBeforeIt)).Route, Is.EqualTo("role=slave; node=master; reason=mark"));
        Assert.That((await old.Read(_writtenBeforeIt)).Route, Is.EqualTo("role=slave; node=slave-1; reason=verb"));
    }
}
