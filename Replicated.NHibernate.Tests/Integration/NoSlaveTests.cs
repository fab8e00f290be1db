using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Without a slave everything is the master's, and says so.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(3), Promise(5)]
internal sealed class NoSlaveTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit, slaves: 0);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("/run", "no-slave")]
    [TestCase("/slave", "no-slave")]
    [TestCase("/master", "attribute")]
    public async Task A_get_runs_on_the_master_and_says_why(string path, string reason)
    {
        Place? place = null;
        var reply = await _app.Get(async context => place = await context.Board().WhereAsync(), path);
        Assert.That(reply.Ok().Route, Is.EqualTo($"role=master; node=master; reason={reason}"));
        Assert.That(place, Is.EqualTo(new Place(SharedCluster.Master.Port, InRecovery: false)));
    }

    [Test]
    public async Task What_a_get_writes_is_committed([Values("/run", "/slave")] string path)
    {
        var id = Guid.NewGuid();
        (await _app.Get(context => context.Board().AddAsync(id), path)).Ok();
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test, Promise(7)]
    public async Task A_block_for_a_slave_works_on_the_master_in_the_same_transaction()
    {
        var id = Guid.NewGuid();
        string? route = null;
        var seen = false;
        (await _app.Post(async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'uncommitted')");
            using (_app.Sessions.UseSlave())
            {
                seen = await context.Board().HasAsync(id);
                route = _app.Sessions.CurrentRoute!.ToString();
            }
        })).Ok();
        Assert.That((seen, route), Is.EqualTo((true, "role=master; node=master; reason=verb")));
    }

    [Test, Promise(11)]
    public async Task A_slave_scope_works_on_the_master_and_commits()
    {
        var id = Guid.NewGuid();
        await using (var scope = _app.Sessions.BeginScope(DatabaseRole.Slave))
        {
            await _app.Services.NewBoard().ExecuteAsync($"insert into post (id, title) values ('{id}', 'a post')");
            await scope.CommitAsync();
            Assert.That(scope.Route, Is.EqualTo(new Route(DatabaseRole.Master, RouteReason.NoSlave, "master")));
        }

        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }
}
