using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Which tokens count: by age, by place, by mode, and after a failover.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class TokenLimitTests(UnitOfWork unit)
{
    private const string FromMaster = "role=slave; node=master; reason=token";

    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    private DateTimeOffset Now => _nodes.Clock.GetUtcNow();

    [Test]
    public async Task A_token_counts_until_it_is_too_old()
    {
        await using var app = await _nodes.QuietApp(unit);
        var token = await Write(app);
        await app.Sample();
        Assert.That(await RouteOf(app, token), Is.EqualTo(FromMaster));
        Assert.That(await RouteOf(app, token with { WrittenAt = Now - TimeSpan.FromSeconds(50) }), Is.EqualTo(FromMaster));
        Assert.That(await RouteOf(app, token with { WrittenAt = Now - TimeSpan.FromSeconds(61) }), Does.EndWith("reason=verb"));
    }

    [Test]
    public async Task A_shorter_age_counts_when_it_is_configured()
    {
        await using var app = await _nodes.QuietApp(unit, new() { ["Replicated:ReadYourWrites:TokenLifetime"] = "00:00:40" });
        var token = await Write(app);
        Assert.That(await RouteOf(app, token with { WrittenAt = Now - TimeSpan.FromSeconds(41) }), Does.EndWith("reason=verb"));
    }

    [Test]
    public async Task A_token_from_the_future_does_not_count_beyond_what_clocks_differ()
    {
        await using var app = await _nodes.QuietApp(unit);
        var token = await Write(app);
        Assert.That(await RouteOf(app, token with { WrittenAt = Now + TimeSpan.FromSeconds(3) }), Is.EqualTo(FromMaster));
        Assert.That(await RouteOf(app, token with { WrittenAt = Now + TimeSpan.FromMinutes(1) }), Does.EndWith("reason=verb"));
    }

    [Test]
    public async Task A_forged_place_past_the_masters_end_does_not_count_once_the_master_has_been_asked()
    {
        await using var app = await _nodes.QuietApp(unit);
        var token = await Write(app);
        var forged = new ConsistencyToken(Now - TimeSpan.FromSeconds(20), token.Position!.Value with { Offset = token.Position.Value.Offset + (1UL << 40) });
        await app.Sample();
        Assert.That(await RouteOf(app, forged), Does.EndWith("reason=verb"));
        Assert.That(await RouteOf(app, token with { WrittenAt = forged.WrittenAt }), Is.EqualTo(FromMaster), "as old, but within the log");
    }

    [Test]
    public async Task By_window_the_master_is_read_for_that_long_and_no_longer()
    {
        await using var app = await _nodes.QuietApp(unit, new() { ["Replicated:ReadYourWrites:Mode"] = "Window", ["Replicated:ReadYourWrites:Window"] = "00:00:30" });
        var token = await Write(app);
        Assert.That(token.Position, Is.Null);
        Assert.That(await RouteOf(app, token), Is.EqualTo(FromMaster));
        Assert.That(await RouteOf(app, token, "/slave"), Does.EndWith("reason=stale"));
        Assert.That(await RouteOf(app, token with { WrittenAt = Now - TimeSpan.FromSeconds(31) }), Does.EndWith("reason=verb"));
        Assert.That(await RouteOf(app, token with { WrittenAt = Now - TimeSpan.FromSeconds(31) }, "/slave"), Does.EndWith("reason=attribute"));
    }

    [Test]
    public async Task A_token_without_a_place_counts_for_the_window_beside_tokens_that_have_one()
    {
        await using var app = await _nodes.QuietApp(unit);
        Assert.That(await RouteOf(app, new ConsistencyToken(Now, Position: null)), Is.EqualTo(FromMaster));
        Assert.That(await RouteOf(app, new ConsistencyToken(Now - TimeSpan.FromSeconds(6), Position: null)), Does.EndWith("reason=verb"));
    }

    [Test]
    public async Task Switched_off_nothing_is_sent_and_nothing_counts_and_it_can_be_switched_while_running()
    {
        await using var app = await _nodes.QuietApp(unit);
        var token = await Write(app);
        app.Reload("Replicated:ReadYourWrites:Mode", "Off");
        var written = await app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        Assert.That(written.Ok().Carried(), Is.Null);
        Assert.That(await RouteOf(app, token), Does.EndWith("reason=verb"));
        app.Reload("Replicated:ReadYourWrites:Mode", "Auto");
        Assert.That(await RouteOf(app, token), Is.EqualTo(FromMaster));
    }

    private static async Task<ConsistencyToken> Write(WorkApp app)
    {
        var client = new TokenClient(app);
        await client.Write();
        return client.Token;
    }

    private static async Task<string?> RouteOf(WorkApp app, ConsistencyToken token, string path = "/run") =>
        (await app.Send(HttpMethod.Get, path, context => context.Board().WhereAsync(), headers: (TokenClient.Header, token.ToString()))).Ok().Route;
}
