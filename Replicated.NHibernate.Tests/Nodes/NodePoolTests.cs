using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Choosing and opening on virtual time, without a database.</summary>
[Promise(8), Promise(13), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class NodePoolTests
{
    private readonly ManualClock _clock = new();
    private readonly FakeServers _servers = new();

    [Test]
    public async Task The_master_takes_its_share_of_the_reads([Values("PowerOfTwoChoices", "RoundRobin", "Random")] string policy, [Values(0, 1, 100)] int weight)
    {
        var pool = _servers.Pool(2, _clock, ("Replicated:LoadBalancing", policy), ("Replicated:MasterReadWeight", $"{weight}"));
        var share = 100_000 / (2 + weight) * weight;
        Assert.That((await Reads(pool, 100_000)).Count(n => n == "master"), Is.EqualTo(share).Within(5).Percent);
    }

    [Test]
    public async Task The_master_takes_no_share_of_what_asks_for_a_slave_explicitly()
    {
        var pool = _servers.Pool(1, _clock, ("Replicated:MasterReadWeight", "100"));
        Assert.That(await Reads(pool, 1_000, strict: true), Is.All.EqualTo("s0"));
    }

    [Test]
    public async Task A_share_and_a_policy_change_while_the_application_runs()
    {
        await using var services = _servers.Services(1, _clock, ("Replicated:MasterReadWeight", "0"));
        var pool = services.GetRequiredService<NodePool>();
        var before = await Reads(pool, 100);
        var configuration = services.GetRequiredService<IConfiguration>();
        (configuration["Replicated:MasterReadWeight"], configuration["Replicated:LoadBalancing"]) = ("1", "RoundRobin");
        ((IConfigurationRoot)configuration).Reload();
        var after = await Reads(pool, 100);
        Assert.That((before.Count(n => n == "master"), after.Count(n => n == "master")), Is.EqualTo((0, 50)));
    }

    [Test]
    public async Task A_slave_that_cannot_be_opened_is_left_out_for_two_seconds()
    {
        var pool = _servers.Pool(2, _clock);
        _servers.Fails("s0");
        var down = await Reads(pool, 100);
        _servers.Down.Clear();
        _clock.Advance(TimeSpan.FromSeconds(1.999));
        var early = await Reads(pool, 100);
        _clock.Advance(TimeSpan.FromSeconds(0.001));
        var late = await Reads(pool, 100);
        Assert.Multiple(() =>
        {
            Assert.That(down, Is.All.EqualTo("s1"));
            Assert.That(early, Is.All.EqualTo("s1"));
            Assert.That(late, Does.Contain("s0").And.Contain("s1"));
        });
    }

    [Test]
    public async Task What_asks_for_a_slave_explicitly_is_not_sent_to_one_that_is_left_out()
    {
        var pool = _servers.Pool(1, _clock);
        _servers.Fails("s0");
        await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool, strict: true));
        _servers.Down.Clear();
        var thrown = await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool, strict: true));
        Assert.That((thrown!.Message.Contains("s0: Down", StringComparison.Ordinal), thrown.InnerException), Is.EqualTo((true, (Exception?)null)));
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await Open(pool, strict: true), Is.EqualTo("s0"));
    }

    [Test]
    public async Task A_lost_slave_gives_its_share_to_all_that_are_left_and_not_to_its_neighbour()
    {
        var pool = _servers.Pool(4, _clock, ("Replicated:LoadBalancing", "RoundRobin"));
        _servers.Fails("s1");
        var counts = (await Reads(pool, 3_001)).Skip(1).CountBy(n => n).ToDictionary();
        Assert.That(counts.Values, Is.EqualTo(new[] { 1_000, 1_000, 1_000 }).Within(1));
    }

    [Test]
    public async Task The_master_takes_over_no_more_than_the_cap([Values(0, 1, 3)] int cap, [Values(0, 100)] int weight)
    {
        var pool = _servers.Pool(2, _clock, ("Replicated:MaxFallbackSessions", $"{cap}"), ("Replicated:MasterReadWeight", $"{weight}"));
        _servers.Fails("s0", "s1");
        // From here on both are known to be lost; before that, the master's share of the reads is no fallback.
        await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool, strict: true));
        var held = new List<NodeConnection>();
        for (var i = 0; i < cap; i++)
        {
            held.Add(await pool.OpenSlave(default, strict: false, async: true, default));
        }

        Assert.That(held.Select(h => (h.Node.Name, h.IsFallback)), Is.All.EqualTo(("master", true)));
        var refused = await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool));
        Assert.That(refused!.Message, Does.Contain($"takes over {cap} reads (Replicated:MaxFallbackSessions)"));
        foreach (var one in held)
        {
            await pool.Close(one, async: true);
            Assert.That(await Open(pool), Is.EqualTo("master"), "What was given back makes room.");
        }

        Assert.That(pool.Master.InUse, Is.Zero);
    }

    [Test]
    public async Task A_fallback_that_fails_makes_room_again()
    {
        var pool = _servers.Pool(1, _clock, ("Replicated:MaxFallbackSessions", "1"));
        _servers.Fails("s0", "master");
        for (var i = 0; i < 3; i++)
        {
            var thrown = await Assert.ThrowsAsync<MasterUnavailableException>(() => Open(pool));
            Assert.That(thrown!.InnerException is TimeoutException or AggregateException, Is.True, "What the provider said.");
        }

        Assert.That((pool.Master.InUse, pool.Slaves[0].InUse), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task The_callers_cancellation_is_not_a_nodes_failure()
    {
        var pool = _servers.Pool(1, _clock);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        // A provider may tell of it by an exception of its own.
        _servers.Down["s0"] = token => token.IsCancellationRequested ? new TimeoutException("cancelled") : new AssertionException("not cancelled");
        await Assert.ThrowsAsync<TimeoutException>(() => Open(pool, token: cancelled.Token));
        _servers.Down.Clear();
        Assert.That(await Open(pool), Is.EqualTo("s0"));
    }

    [Test]
    public async Task Every_slaves_failure_is_in_the_exception()
    {
        var pool = _servers.Pool(2, _clock);
        _servers.Fails("s0", "s1");
        var thrown = await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool, strict: true));
        Assert.That(thrown!.Message, Does.Contain("s0: Down, s1: Down").And.Contain("[UseSlave]"));
        Assert.That(((AggregateException)thrown.InnerException!).InnerExceptions.Select(e => e.Message), Is.EquivalentTo(new[] { "s0", "s1" }));
    }

    [Test, Promise(6)]
    public async Task A_pinned_node_is_never_exchanged_for_another()
    {
        var pool = _servers.Pool(2, _clock);
        _servers.Fails("s0");
        await Assert.ThrowsAsync<TimeoutException>(async () => await pool.OpenPinned(pool.Slaves[0], server: null, async: true, default));
        Assert.That(await Open(pool, pinned: pool.Slaves[1]), Is.EqualTo("s1"));
        Assert.That(pool.Slaves[0].InUse, Is.Zero);
    }

    [Test]
    public async Task Opening_synchronously_chooses_alike()
    {
        var pool = _servers.Pool(2, _clock);
        _servers.Fails("s0");
        var opened = await pool.OpenSlave(default, strict: false, async: false, default);
        Assert.That((opened.Node.Name, opened.Connection.State, opened.Node.InUse), Is.EqualTo(("s1", System.Data.ConnectionState.Open, 1)));
        await pool.Close(opened, async: false);
        Assert.That((opened.Connection.State, opened.Node.InUse), Is.EqualTo((System.Data.ConnectionState.Closed, 0)));
    }

    private static async Task<List<string>> Reads(NodePool pool, int count, bool strict = false)
    {
        var names = new List<string>(count);
        for (var i = 0; i < count; i++)
        {
            names.Add(await Open(pool, strict));
        }

        return names;
    }

    private static async Task<string> Open(NodePool pool, bool strict = false, Node? pinned = null, CancellationToken token = default)
    {
        var opened = await (pinned is null ? pool.OpenSlave(default, strict, async: true, token) : pool.OpenPinned(pinned, server: null, async: true, token));
        await pool.Close(opened, async: true);
        return opened.Node.Name;
    }
}
