using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Reads that must stay on a slave, or that wait for one: how long they wait, and what they say when it was in vain.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class StaleReadTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public Task Resume() => _nodes.ResumeReplay();

    [Test, Promise(3)]
    public async Task What_asks_for_a_slave_gets_one_and_is_told_that_it_is_stale([Values("attribute", "block")] string how)
    {
        await using var app = await App();
        await PauseAll();
        var client = new TokenClient(app);
        var id = await client.Write();
        var read = how == "attribute" ? await client.Read(id, "/slave") : await InBlock(app, client, id);
        Assert.That((read.Place.InRecovery, read.Has, read.Route), Is.EqualTo((true, false, $"role=slave; node={Name(read.Place)}; reason=stale")));
        await Resume();
        var later = await client.Read(id, "/slave");
        Assert.That((later.Place.InRecovery, later.Has, later.Route), Is.EqualTo((true, true, $"role=slave; node={Name(later.Place)}; reason=attribute")));
    }

    [Test]
    public async Task Request_that_read_from_a_slave_before_a_scope_within_wrote_goes_on_on_the_master()
    {
        await using var app = await App(new() { ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00.05" }, slaves: 1);
        await PauseAll();
        var (id, has, reason) = (Guid.NewGuid(), true, RouteReason.Verb);
        (await app.Get(async context =>
        {
            await context.Board().WhereAsync();
            await using (var scope = app.Sessions.BeginScope(DatabaseRole.Master))
            {
                await app.Services.NewBoard().AddAsync(id);
                await scope.CommitAsync();
            }

            has = await context.Board().HasAsync(id);
            reason = app.Sessions.CurrentRoute!.Reason;
        })).Ok();
        Assert.That((has, reason), Is.EqualTo((true, RouteReason.Token)));
    }

    [Test]
    public async Task The_read_waits_as_long_as_it_may_for_the_slave_to_replay([Values("/run", "/slave")] string path)
    {
        await using var app = await App(new() { ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:10" }, slaves: 1);
        await PauseAll();
        var client = new TokenClient(app);
        var id = await client.Write();
        var reading = client.Read(id, path);
        await _nodes.Cluster.Slaves[0].UntilAsked();
        Assert.That(reading.IsCompleted, Is.False);
        await _nodes.Cluster.Slaves[0].ResumeReplayAsync();
        var read = await reading;

        Assert.That((read.Place.InRecovery, read.Has), Is.EqualTo((true, true)));
        Assert.That(read.Route, Does.StartWith("role=slave; node=slave-1; reason=").And.Not.Contain("stale"));
    }

    [Test]
    public async Task A_slave_that_the_request_read_from_before_it_wrote_stays_its_slave_and_is_told_to_be_stale([Values] bool replays, [Values] bool ownTransaction)
    {
        await using var app = await App(new() { ["Replicated:ReadYourWrites:WaitTimeout"] = replays ? "00:00:10" : "00:00:00.05" }, slaves: 1);
        await PauseAll();
        var client = new TokenClient(app);
        var id = Guid.NewGuid();
        var (before, after, has, reason) = (new Place(0, false), new Place(0, false), false, RouteReason.Block);
        var writing = client.Post(async context =>
        {
            using (app.Sessions.UseSlave())
            {
                before = await context.Board().WhereAsync();
            }

            if (ownTransaction)
            {
                // The slave's connection stays where it is then.
                await using var transaction = await context.RequestServices.GetRequiredService<DbConnection>().BeginTransactionAsync();
                await context.Board().AddAsync(id);
                await transaction.CommitAsync();
            }
            else
            {
                await context.Board().AddAsync(id);
                await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
            }

            using (app.Sessions.UseSlave())
            {
                (has, after) = (await context.Board().HasAsync(id), await context.Board().WhereAsync());
                reason = app.Sessions.CurrentRoute!.Reason;
            }
        });
        if (replays)
        {
            await _nodes.Cluster.Slaves[0].UntilAsked();
            await _nodes.Cluster.Slaves[0].ResumeReplayAsync();
        }

        (await writing).Ok();
        Assert.That((before, after), Is.EqualTo((new Place(_nodes.Cluster.Slaves[0].Port, true), new Place(_nodes.Cluster.Slaves[0].Port, true))));
        Assert.That((has, reason), Is.EqualTo((replays, replays ? RouteReason.Block : RouteReason.Stale)));
    }

    private static async Task<(Place Place, bool Has, string? Route)> InBlock(WorkApp app, TokenClient client, Guid id)
    {
        (Place Place, bool Has, string? Route) read = default;
        (await client.Post(async context =>
        {
            using (app.Sessions.UseSlave())
            {
                var board = context.Board();
                read = (await board.WhereAsync(), await board.HasAsync(id), app.Sessions.CurrentRoute!.ToString());
            }
        })).Ok();
        return read;
    }

    private string Name(Place place) => _nodes.Cluster.Slaves.Single(s => s.Port == place.Port).Name;

    private Task PauseAll() => Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));

    private Task<WorkApp> App(Dictionary<string, string?>? settings = null, int slaves = 2) => _nodes.QuietApp(unit, settings, slaves);
}
