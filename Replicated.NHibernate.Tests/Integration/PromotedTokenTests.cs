using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Tokens across a failover: the new master writes a log of its own, which a slave of the old one never gets.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(13)]
internal sealed class PromotedTokenTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;
    private WorkApp _app = null!;
    private ConsistencyToken _beforeIt;
    private Guid _writtenBeforeIt;

    [OneTimeSetUp]
    public async Task Promote()
    {
        _nodes = await OwnNodes.StartAsync();
        await using (var before = await _nodes.QuietApp(unit))
        {
            var client = new TokenClient(before);
            _writtenBeforeIt = await client.Write();
            _beforeIt = client.Token;
        }

        await _nodes.Cluster.WaitForSlavesAsync();
        await _nodes.Cluster.Slaves[0].PromoteAsync();
        await _nodes.Cluster.Slaves[1].FollowAsync(_nodes.Cluster.Slaves[0]);
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
        var client = new TokenClient(_app) { Cookie = _beforeIt.ToString() };
        var read = await client.Read(_writtenBeforeIt);
        Assert.That((read.Place.Port, read.Has), Is.EqualTo((_nodes.Cluster.Slaves[1].Port, true)));
    }

    [Test]
    public async Task A_place_that_the_old_master_alone_had_asks_for_nothing_any_more()
    {
        var lost = _beforeIt.Position!.Value with { Offset = _beforeIt.Position.Value.Offset + (1UL << 30) };
        var client = new TokenClient(_app) { Cookie = new ConsistencyToken(_nodes.Clock.GetUtcNow(), lost).ToString() };
        var read = await client.Read(_writtenBeforeIt);
        Assert.That((read.Has, read.Route), Is.EqualTo((true, "role=slave; node=slave-1; reason=verb")));
    }
}
