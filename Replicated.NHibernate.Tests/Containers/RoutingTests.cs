using System.Net;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Containers;

/// <summary>Where requests go on servers of the official image.</summary>
internal sealed class RoutingTests
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

    [Test]
    public async Task Gets_take_turns_on_the_slaves()
    {
        var places = new List<Place>();
        for (var i = 0; i < 6; i++)
        {
            places.Add(await _app.WhereGet());
        }

        Assert.That(places.Select(p => p.InRecovery), Is.All.True);
        Assert.That(Cluster.Slaves.Select(s => places.Count(p => p.Port == s.Port)), Is.EqualTo(new[] { 3, 3 }));
    }

    [Test]
    public async Task Post_writes_on_the_master()
    {
        var id = Guid.NewGuid();
        Place? place = null;
        var reply = await _app.Post(async context =>
        {
            await context.Board().AddAsync(id);
            place = await context.Board().WhereAsync();
        });
        Assert.That((reply.Ok().Route, place), Is.EqualTo(("role=master; node=master; reason=verb", new Place(Cluster.Master.Port, InRecovery: false))));
        Assert.That(await Cluster.Master.Has(id), Is.True);
    }

    [Test]
    public async Task Get_that_writes_fails_and_leaves_nothing()
    {
        var id = Guid.NewGuid();
        var reply = await _app.Get(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')"));
        Assert.That((reply.Status, await Cluster.Master.Has(id)), Is.EqualTo((HttpStatusCode.InternalServerError, false)));
    }
}
