using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Containers;

/// <summary>A client reads its own write on servers of the official image, while no slave replays and when both do again.</summary>
internal sealed class TokenTests
{
    private WorkApp _app = null!;

    private static ContainerCluster Cluster => SharedContainers.Cluster;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await Cluster.App();
        await _app.UntilAll(state => state == NodeState.Up);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public Task Pause() => Task.WhenAll(Cluster.Slaves.Select(s => s.PauseReplayAsync()));

    [TearDown]
    public async Task Resume()
    {
        await Task.WhenAll(Cluster.Slaves.Select(s => s.ResumeReplayAsync()));
        await Task.WhenAll(Cluster.Slaves.Select(s => s.WaitUntilLikeAsync(Cluster.Master)));
    }

    [Test]
    public async Task Own_write_is_read_from_the_master_as_long_as_no_slave_has_it()
    {
        var (writer, other) = (new TokenClient(_app), new TokenClient(_app));
        var id = await writer.Write();
        var own = await writer.Read(id);
        var others = await other.Read(id);
        Assert.That(own, Is.EqualTo((new Place(Cluster.Master.Port, InRecovery: false), true, "role=slave; node=master; reason=token")));
        Assert.That((others.Place.InRecovery, others.Has), Is.EqualTo((true, false)));
    }

    [Test]
    public async Task Own_write_is_read_from_a_slave_once_it_has_it()
    {
        var writer = new TokenClient(_app);
        var id = await writer.Write();
        var position = writer.Token.Position!.Value;
        await Resume();
        await _app.UntilKnown("slave-1", position);
        await _app.UntilKnown("slave-2", position);
        var later = await writer.Read(id);
        Assert.That((later.Place.InRecovery, later.Has), Is.EqualTo((true, true)));
    }
}
