using System.Net;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Where the reads of a client go that has written, while slaves do not replay and when they do again.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class TokenedReadTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public Task Resume() => _nodes.ResumeReplay();

    [Test]
    public async Task As_long_as_no_slave_has_the_write_the_client_reads_it_from_the_master()
    {
        await using var app = await App();
        await PauseAll();
        var (client, other) = (new TokenClient(app), new TokenClient(app));
        var id = await client.Write();
        var own = await client.Read(id);
        var others = await other.Read(id);
        await Resume();
        var later = await client.Read(id);

        Assert.That(own, Is.EqualTo((_nodes.MasterPlace(), true, "role=slave; node=master; reason=token")));
        Assert.That((others.Place.InRecovery, others.Has), Is.EqualTo((true, false)), "Who has not written reads from a slave.");
        Assert.That((later.Place.InRecovery, later.Has, later.Route), Is.EqualTo((true, true, $"role=slave; node={Name(later.Place)}; reason=verb")));
    }

    [Test]
    public async Task After_a_redirect_the_read_sees_the_write()
    {
        await using var app = await App();
        await PauseAll();
        var client = new TokenClient(app);
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
    public async Task A_tokened_request_that_writes_again_reads_its_second_write()
    {
        await using var app = await App();
        await PauseAll();
        var client = new TokenClient(app);
        await client.Write();
        var first = client.Token;
        var id = await client.Write();
        var read = await client.Read(id);
        Assert.That((read.Place, read.Has), Is.EqualTo((_nodes.MasterPlace(), true)));
        Assert.That(client.Token.Position!.Value.Offset, Is.GreaterThan(first.Position!.Value.Offset));
    }

    [Test, Promise(12)]
    public async Task What_the_master_stands_in_for_is_read_only_there()
    {
        await using var app = await App();
        await PauseAll();
        var client = new TokenClient(app);
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
        var client = new TokenClient(app);
        var id = await client.Write();
        await app.UntilKnown("slave-2", client.Token.Position!.Value);

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
        var client = new TokenClient(app);
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

    [Test, Promise(13)]
    public async Task Beyond_the_cap_a_tokened_read_is_503_and_the_master_is_spared()
    {
        await using var app = await App(new() { ["Replicated:MaxFallbackSessions"] = "1" });
        await PauseAll();
        var client = new TokenClient(app);
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

    private string Name(Place place) => _nodes.Cluster.Slaves.Single(s => s.Port == place.Port).Name;

    private Task PauseAll() => Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));

    private Task<WorkApp> App(Dictionary<string, string?>? settings = null, int slaves = 2) => _nodes.QuietApp(unit, settings, slaves);
}
