using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Where the reads of a client go that has written, while slaves do not replay and when they do again.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class MarkedReadTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public async Task Resume()
    {
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.ResumeReplayAsync()));
        await _nodes.Cluster.WaitForSlavesAsync();
    }

    [Test]
    public async Task As_long_as_no_slave_has_the_write_the_client_reads_it_from_the_master()
    {
        await using var app = await App();
        await PauseAll();
        var (client, other) = (new MarkedClient(app), new MarkedClient(app));
        var id = await client.Write();
        var own = await client.Read(id);
        var others = await other.Read(id);
        await Resume();
        var later = await client.Read(id);

        Assert.That(own, Is.EqualTo((_nodes.MasterPlace(), true, "role=slave; node=master; reason=mark")));
        Assert.That((others.Place.InRecovery, others.Has), Is.EqualTo((true, false)), "Who has not written reads from a slave.");
        Assert.That((later.Place.InRecovery, later.Has, later.Route), Is.EqualTo((true, true, $"role=slave; node={Name(later.Place)}; reason=verb")));
    }

    [Test]
    public async Task After_a_redirect_the_read_sees_the_write()
    {
        await using var app = await App();
        await PauseAll();
        var client = new MarkedClient(app);
        var id = Guid.NewGuid();
        var written = await client.Post(async context =>
        {
            await context.Board().AddAsync(id);
            (context.Response.StatusCode, context.Response.Headers.Location) = (303, "/run");
        });
        var read = await client.Read(id, written.Status == HttpStatusCode.SeeOther ? "/run" : "");
        Assert.That((read.Place, read.Has), Is.EqualTo((_nodes.MasterPlace(), true)));
    }

    [Test]
    public async Task A_marked_request_that_writes_again_reads_its_second_write()
    {
        await using var app = await App();
        await PauseAll();
        var client = new MarkedClient(app);
        await client.Write();
        var first = client.Mark;
        var id = await client.Write();
        var read = await client.Read(id);
        Assert.That((read.Place, read.Has), Is.EqualTo((_nodes.MasterPlace(), true)));
        Assert.That(client.Mark.Position!.Value.Offset, Is.GreaterThan(first.Position!.Value.Offset));
    }

    [Test]
    public async Task A_slave_that_the_request_read_from_before_it_wrote_stays_its_slave_and_is_told_to_be_stale([Values] bool replays)
    {
        await using var app = await App(new() { ["Replicated:AfterWrite:CatchUpWait"] = replays ? "00:00:10" : "00:00:00.05" }, slaves: 1);
        await PauseAll();
        var client = new MarkedClient(app);
        var id = Guid.NewGuid();
        var (before, after, has, reason) = (new Place(0, false), new Place(0, false), false, RouteReason.Block);
        var writing = client.Post(async context =>
        {
            using (app.Sessions.UseSlave())
            {
                before = await context.Board().WhereAsync();
            }

            await context.Board().AddAsync(id);
            await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
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

    [Test, Promise(12)]
    public async Task What_the_master_stands_in_for_is_read_only_there()
    {
        await using var app = await App();
        await PauseAll();
        var client = new MarkedClient(app);
        await client.Write();
        var id = Guid.NewGuid();
        var reply = await client.Get(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')"));

        Assert.That((reply.Status, await _nodes.IsOnMaster(id)), Is.EqualTo((HttpStatusCode.InternalServerError, false)));
    }

    [Test]
    public async Task The_slave_that_is_known_to_have_the_write_is_taken_where_another_has_not()
    {
        await using var app = await _nodes.App(unit, new() { ["Replicated:Probe:Interval"] = "00:00:00.1" });
        await _nodes.Cluster.Slaves[0].PauseReplayAsync();
        var client = new MarkedClient(app);
        var id = await client.Write();
        await app.UntilKnown("slave-2", client.Mark.Position!.Value);

        var ports = new List<(int, bool)>();
        for (var i = 0; i < 6; i++)
        {
            var read = await client.Read(id);
            ports.Add((read.Place.Port, read.Has));
        }

        Assert.That(ports, Is.All.EqualTo((_nodes.Cluster.Slaves[1].Port, true)));
    }

    [Test]
    public async Task All_slaves_are_in_use_again_for_a_client_whose_write_they_are_known_to_have()
    {
        await using var app = await App();
        var client = new MarkedClient(app);
        var id = await client.Write();
        await _nodes.Cluster.WaitForSlavesAsync();
        await app.Sample();
        var cookie = client.Cookie;
        var reads = new List<(Place Place, bool Has, string? Route)>();
        for (var i = 0; i < 4; i++)
        {
            client.Cookie = cookie;
            reads.Add(await client.Read(id));
        }

        Assert.That(reads.Select(r => r.Place.Port).Distinct(), Is.EquivalentTo(_nodes.Cluster.Slaves.Select(s => s.Port)));
        Assert.That(reads.Select(r => r.Has), Is.All.True);
    }

    [Test, Promise(3)]
    public async Task What_asks_for_a_slave_gets_one_and_is_told_that_it_is_stale([Values("attribute", "block")] string how)
    {
        await using var app = await App();
        await PauseAll();
        var client = new MarkedClient(app);
        var id = await client.Write();
        var read = how == "attribute" ? await client.Read(id, "/slave") : await InBlock(app, client, id);
        Assert.That((read.Place.InRecovery, read.Has, read.Route), Is.EqualTo((true, false, $"role=slave; node={Name(read.Place)}; reason=stale")));
        await Resume();
        var later = await client.Read(id, "/slave");
        Assert.That((later.Place.InRecovery, later.Has, later.Route), Is.EqualTo((true, true, $"role=slave; node={Name(later.Place)}; reason=attribute")));
    }

    [Test]
    public async Task The_read_waits_as_long_as_it_may_for_the_slave_to_replay([Values("/run", "/slave")] string path)
    {
        await using var app = await App(new() { ["Replicated:AfterWrite:CatchUpWait"] = "00:00:10" }, slaves: 1);
        await PauseAll();
        var client = new MarkedClient(app);
        var id = await client.Write();
        var reading = client.Read(id, path);
        await _nodes.Cluster.Slaves[0].UntilAsked();
        Assert.That(reading.IsCompleted, Is.False);
        await _nodes.Cluster.Slaves[0].ResumeReplayAsync();
        var read = await reading;

        Assert.That((read.Place.InRecovery, read.Has), Is.EqualTo((true, true)));
        Assert.That(read.Route, Does.StartWith("role=slave; node=slave-1; reason=").And.Not.Contain("stale"));
    }

    [Test, Promise(13)]
    public async Task Beyond_the_cap_a_marked_read_is_503_and_the_master_is_spared()
    {
        await using var app = await App(new() { ["Replicated:MaxFallbackSessions"] = "1" });
        await PauseAll();
        var client = new MarkedClient(app);
        var id = await client.Write();
        Reply? beyond = null;
        Place? within = null;
        (await client.Get(async context =>
        {
            within = await context.Board().WhereAsync();
            beyond = await client.Get(inner => inner.Board().WhereAsync());
        })).Ok();
        var after = await client.Read(id);

        Assert.That(within, Is.EqualTo(_nodes.MasterPlace()));
        Assert.That((beyond!.Status, beyond.RetryAfter), Is.EqualTo((HttpStatusCode.ServiceUnavailable, "2")));
        Assert.That((after.Place, after.Has), Is.EqualTo((_nodes.MasterPlace(), true)), "The place was given back.");
    }

    private static async Task<(Place Place, bool Has, string? Route)> InBlock(WorkApp app, MarkedClient client, Guid id)
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
