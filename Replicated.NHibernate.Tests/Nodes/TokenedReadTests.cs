using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Which server a read with a token gets, and what was asked for it.</summary>
[Promise(10), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class TokenedReadTests
{
    private static readonly ReadGoal Goal = new(new Position(1, 50), OnlyMaster: false);
    private static readonly ReadGoal OnlyMaster = new(Position: null, OnlyMaster: true);

    private readonly VirtualTime _clock = new();
    private readonly FakeServers _servers = FakeServers.WithPositions();

    private FakePositions Positions => _servers.Positions!;

    [Test]
    public async Task A_slave_known_to_be_past_the_token_is_taken_without_a_question()
    {
        var pool = Pool(3);
        Known(pool, 49, 50, 49);
        Assert.That(await Names(pool, 100), Is.All.EqualTo("s1"));
        Assert.That(Positions.Questions, Is.Empty);
    }

    [Test]
    public async Task All_slaves_known_to_be_past_the_token_share_its_reads()
    {
        var pool = Pool(3, ("Replicated:LoadBalancing", "RoundRobin"));
        Known(pool, 50, 49, 51);
        Assert.That((await Names(pool, 100)).CountBy(n => n).ToDictionary(), Is.EqualTo(new Dictionary<string, int> { ["s0"] = 50, ["s2"] = 50 }));
    }

    [Test]
    public async Task Where_none_is_known_to_be_past_the_token_one_is_asked_once_and_known_from_then_on()
    {
        var pool = Pool(2);
        Known(pool, 40, 45);
        Positions.Are(("s0", 50), ("s1", 50));
        Assert.That(await Open(pool), Is.EqualTo(("s1", (RouteReason?)null)), "The one that was farthest.");
        Assert.That(await Names(pool, 10), Is.All.EqualTo("s1"));
        Assert.That(Positions.Questions, Is.EqualTo(new[] { "s1: wait for 50, 50 ms" }));
    }

    [Test]
    public async Task Where_nothing_is_known_one_is_asked_for_as_long_as_is_configured()
    {
        var pool = Pool(2, ("Replicated:ReadYourWrites:WaitTimeout", "00:00:00.250"));
        Positions.Are(("s0", 50), ("s1", 50));
        var (asked, _) = await Open(pool);
        Assert.That(Positions.Questions, Is.EqualTo(new[] { $"{asked}: wait for 50, 250 ms" }));
    }

    [Test]
    public async Task Where_nothing_is_known_all_take_their_turn_to_be_asked()
    {
        var pool = Pool(2, ("Replicated:LoadBalancing", "RoundRobin"));
        await Names(pool, 4);
        Assert.That(Positions.Questions.Select(q => q[..2]), Is.EqualTo(new[] { "s0", "s1", "s0", "s1" }));
    }

    [Test]
    public async Task A_slave_that_has_not_reached_the_token_hands_over_to_the_master_within_the_cap()
    {
        var pool = Pool(2, ("Replicated:MaxFallbackSessions", "2"));
        Positions.Are(("s0", 49), ("s1", 49));
        var held = new[] { await pool.OpenSlave(Goal, strict: false, async: true, default), await pool.OpenSlave(Goal, strict: false, async: true, default) };
        Assert.That(held.Select(h => (h.Node.Name, h.Reason)), Is.All.EqualTo(("master", (RouteReason?)RouteReason.Token)));
        Assert.That(Positions.Questions, Has.Count.EqualTo(2), "One for each read.");
        Assert.That((_servers.Open, pool.Slaves.Sum(s => s.InUse)), Is.EqualTo((2, 0)), "The asked slave's connection was given back.");

        var refused = await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool));
        Assert.That(refused!.Message, Does.Contain("what the read must see").And.Contain("2 reads (Replicated:MaxFallbackSessions)"));
        await pool.Close(held[0], async: true);
        Assert.That(await Open(pool), Is.EqualTo(("master", (RouteReason?)RouteReason.Token)), "What was given back makes room.");
        Assert.That((_servers.Open, pool.Slaves.Sum(s => s.InUse), pool.Master.InUse), Is.EqualTo((1, 0, 1)));
    }

    [Test]
    public async Task Reads_of_own_writes_leave_a_quarter_of_the_cap_to_those_that_no_slave_can_serve_and_the_other_way_round([Values] bool tokensFirst)
    {
        var pool = Pool(2, ("Replicated:MaxFallbackSessions", "8"));
        Positions.Are(("s0", 49), ("s1", 49));
        var held = new List<NodeConnection>();
        async Task<int> Fill(ReadGoal goal)
        {
            for (var taken = 0; ; taken++)
            {
                try
                {
                    held.Add(await pool.OpenSlave(goal, strict: false, async: true, default));
                }
                catch (SlavesUnavailableException)
                {
                    return taken;
                }
            }
        }

        var tokened = tokensFirst ? await Fill(Goal) : 0;
        _servers.Fails("s0", "s1");
        Assert.That((await Fill(ReadGoal.None), tokensFirst ? tokened : await Fill(OnlyMaster)), Is.EqualTo(tokensFirst ? (2, 6) : (6, 2)));
        foreach (var one in held)
        {
            await pool.Close(one, async: true);
        }

        Assert.That((await Fill(ReadGoal.None), pool.Master.InUse), Is.EqualTo((6, 6)), "What was given back makes room.");
    }

    [Test]
    public async Task Master_believed_down_is_tried_once_in_each_interval_by_reads_of_the_clients_own_writes()
    {
        var pool = Pool(2);
        Positions.Are(("s0", 48), ("s1", 49));
        Known(pool, 48, 49);
        var tried = 0;
        _servers.Down["master"] = _ =>
        {
            tried++;
            return new TimeoutException("master");
        };
        Assert.That(await Open(pool), Is.EqualTo(("s1", (RouteReason?)RouteReason.Stale)), "The one that is farthest.");
        Assert.That((tried, Positions.Questions.Count, pool.Master.Health.State), Is.EqualTo((1, 1, NodeState.Down)));
        Assert.That(await Open(pool), Is.EqualTo(("s1", (RouteReason?)RouteReason.Stale)));
        Assert.That((tried, Positions.Questions.Count, pool.Master.InUse, _servers.Open), Is.EqualTo((1, 2, 0, 0)));
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        Assert.That(await Open(pool), Is.EqualTo(("s1", (RouteReason?)RouteReason.Stale)));
        Assert.That(await Open(pool), Is.EqualTo(("s1", (RouteReason?)RouteReason.Stale)));
        Assert.That(tried, Is.EqualTo(2), "The second of the interval believes the first.");
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        _servers.Down.TryRemove("master", out var down);
        Assert.That(await Open(pool), Is.EqualTo(("master", (RouteReason?)RouteReason.Token)), "It answers, whatever it is believed to be.");
        Assert.That(pool.Master.Health.State, Is.EqualTo(NodeState.Down));
        _servers.Down["master"] = down!;
        tried = 1;
        _servers.Fails("s0", "s1");
        await Assert.ThrowsAsync<MasterUnavailableException>(() => Open(pool));
        Assert.That(tried, Is.EqualTo(2), "Where no slave is left, it is tried all the same.");
    }

    [Test]
    public async Task What_slaves_serve_in_the_place_of_a_master_that_is_down_takes_no_room_in_the_cap([Values(0, 1)] int cap)
    {
        var pool = Pool(1, ("Replicated:MaxFallbackSessions", $"{cap}"));
        Positions.Are(("s0", 49));
        _servers.Fails("master");
        await Assert.ThrowsAsync<MasterUnavailableException>(() => pool.OpenMaster(readOnly: false, async: true, default).AsTask());
        for (var i = 0; i < 3; i++)
        {
            Assert.That((await pool.OpenSlave(Goal, strict: false, async: true, default)).Reason, Is.EqualTo(RouteReason.Stale));
        }
    }

    [Test]
    public async Task A_read_that_fails_on_its_way_to_the_master_makes_room_again([Values] bool known)
    {
        var pool = Pool(1, ("Replicated:MaxFallbackSessions", "1"));
        _servers.Fails("s0", "master");
        if (known)
        {
            await Assert.ThrowsAsync<MasterUnavailableException>(() => pool.OpenMaster(readOnly: false, async: true, default).AsTask());
        }

        for (var i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<MasterUnavailableException>(() => Open(pool));
        }
    }

    [Test]
    public async Task A_slave_that_cannot_tell_where_it_is_has_not_reached_the_token()
    {
        var pool = Pool(1);
        Assert.That(await Open(pool), Is.EqualTo(("master", (RouteReason?)RouteReason.Token)));
    }

    [Test]
    public async Task What_asks_for_a_slave_explicitly_gets_one_and_hears_that_it_is_stale()
    {
        var pool = Pool(2);
        Positions.Are(("s0", 49), ("s1", 49));
        var (slave, reason) = await Open(pool, strict: true);
        Assert.That((reason, Positions.Questions.Count), Is.EqualTo(((RouteReason?)RouteReason.Stale, 1)));
        Positions.Are((slave, 50));
        Assert.That(await Open(pool, strict: true), Is.EqualTo((slave, (RouteReason?)null)));
    }

    [Test]
    public async Task Where_only_the_master_will_do_no_slave_is_asked([Values] bool strict)
    {
        var pool = Pool(2, ("Replicated:MaxFallbackSessions", "1"));
        var opened = await pool.OpenSlave(OnlyMaster, strict, async: true, default);
        Assert.That((opened.Node.Role, opened.Reason), Is.EqualTo(strict ? (DatabaseRole.Slave, RouteReason.Stale) : (DatabaseRole.Master, (RouteReason?)RouteReason.Token)));
        Assert.That((Positions.Questions.Count, _servers.Opened, opened.IsFallback), Is.EqualTo((0, 1, !strict)));
        if (!strict)
        {
            await Assert.ThrowsAsync<SlavesUnavailableException>(async () => await pool.OpenSlave(OnlyMaster, strict, async: true, default));
        }
    }

    [Test, Promise(13)]
    public async Task A_slave_that_fails_while_it_is_asked_makes_way_for_the_next([Values] bool strict)
    {
        var pool = Pool(3);
        Known(pool, 40, 45, 30);
        Positions.Are(("s0", 60), ("s2", 60));
        Positions.Fails("s1");
        Assert.That(await Open(pool, strict), Is.EqualTo(("s0", (RouteReason?)null)));
        Assert.That(Positions.Questions.Select(q => q[..2]), Is.EqualTo(new[] { "s1", "s0" }));
        Assert.That((pool.Slaves[1].Reading, pool.Slaves[1].Health.State, _servers.Open), Is.EqualTo(((NodeReading?)null, NodeState.Unknown, 0)), "What was known of its place does not hold any more; whether it is down, the prober finds out.");
    }

    [Test, Promise(13)]
    public async Task Slaves_that_all_fail_while_they_are_asked_are_as_good_as_lost([Values] bool strict)
    {
        var pool = Pool(2);
        Positions.Fails("s0");
        Positions.Fails("s1");
        if (strict)
        {
            await Assert.ThrowsAsync<SlavesUnavailableException>(() => Open(pool, strict));
        }
        else
        {
            Assert.That(await Open(pool), Is.EqualTo(("master", (RouteReason?)RouteReason.Fallback)));
        }

        Assert.That((Positions.Questions.Count, _servers.Open, pool.Slaves.Sum(s => s.InUse)), Is.EqualTo((2, 0, 0)));
    }

    [Test]
    public async Task A_caller_that_goes_away_while_it_waits_does_not_make_the_slave_a_lost_one()
    {
        var pool = Pool(1);
        using var caller = new CancellationTokenSource();
        Positions.Servers["s0"] = async token =>
        {
            await caller.CancelAsync();
            token.ThrowIfCancellationRequested();
            return null;
        };
        await Assert.CatchAsync<OperationCanceledException>(async () => await pool.OpenSlave(Goal, strict: false, async: true, caller.Token));
        Assert.That((pool.Slaves[0].Health.State, pool.Slaves[0].InUse, _servers.Open), Is.EqualTo((NodeState.Unknown, 0, 0)));
    }

    [Test, Promise(8)]
    public async Task A_master_that_takes_a_share_of_the_reads_is_past_every_token()
    {
        var pool = Pool(2, ("Replicated:MasterReadWeight", "1"), ("Replicated:LoadBalancing", "RoundRobin"));
        Known(pool, 49, 49);
        Assert.That(await Open(pool), Is.EqualTo(("master", (RouteReason?)null)));
        Known(pool, 49, 50);
        Assert.That((await Names(pool, 10)).CountBy(n => n).ToDictionary(), Is.EqualTo(new Dictionary<string, int> { ["s1"] = 5, ["master"] = 5 }));
        Assert.That(Positions.Questions, Is.Empty);
    }

    [Test]
    public async Task Asking_synchronously_is_asking_alike()
    {
        var pool = Pool(1);
        Positions.Are(("s0", 50));
        var opened = await pool.OpenSlave(Goal, strict: false, async: false, default);
        Assert.That((opened.Node.Name, opened.Reason, Positions.Questions.Count), Is.EqualTo(("s0", (RouteReason?)null, 1)));
        await pool.Close(opened, async: false);
        Assert.That((_servers.Open, opened.Node.InUse), Is.EqualTo((0, 0)));
    }

    [Test, Promise(17)]
    public async Task A_read_without_a_token_asks_nothing_and_allocates_nothing_for_tokens()
    {
        var pool = Pool(2, ("Replicated:LoadBalancing", "RoundRobin"));
        Assert.That(await Names(pool, 4, ReadGoal.None), Is.EqualTo(new[] { "s0", "s1", "s0", "s1" }));
        Assert.That(Positions.Questions, Is.Empty);
    }

    [Test]
    public async Task A_slave_that_is_kept_after_a_write_is_asked_only_where_it_is_not_known_to_have_it()
    {
        var pool = Pool(1);
        var opened = await pool.OpenSlave(ReadGoal.None, strict: false, async: true, default);
        Positions.Are(("s0", 49));
        bool[] reached =
        [
            await pool.HasReached(opened, ReadGoal.None, async: true, default),
            await pool.HasReached(opened, OnlyMaster, async: true, default),
            await pool.HasReached(opened, Goal, async: true, default),
        ];
        Known(pool, 50);
        Assert.That(await pool.HasReached(opened, Goal, async: true, default), Is.True);
        Assert.That(reached, Is.EqualTo(new[] { true, false, false }));
        Assert.That(Positions.Questions, Has.Count.EqualTo(1));
    }

    [Test, Promise(13)]
    public async Task What_is_known_may_change_while_a_read_chooses()
    {
        var pool = Pool(3, ("Replicated:MaxFallbackSessions", "1000"));
        using var over = new CancellationTokenSource();
        var sampler = Task.Run(() =>
        {
            for (var i = 0UL; !over.IsCancellationRequested; i++)
            {
                Known(pool, 40 + (i % 13), 41 + (i % 12), 42 + (i % 11));
            }
        });
        try
        {
            Assert.That((await Names(pool, 20_000)).Distinct(), Is.SubsetOf(new[] { "s0", "s1", "s2", "master" }));
        }
        finally
        {
            await over.CancelAsync();
            await sampler;
        }
    }

    private NodePool Pool(int slaves, params (string Key, string Value)[] settings) => _servers.Pool(slaves, _clock, settings);

    private void Known(NodePool pool, params ulong[] offsets)
    {
        for (var i = 0; i < offsets.Length; i++)
        {
            pool.Slaves[i].Reading = new NodeReading(new Position(1, offsets[i]), _clock.GetUtcNow());
        }
    }

    private static async Task<List<string>> Names(NodePool pool, int count, ReadGoal? goal = null)
    {
        var names = new List<string>(count);
        for (var i = 0; i < count; i++)
        {
            var opened = await pool.OpenSlave(goal ?? Goal, strict: false, async: true, default);
            names.Add(opened.Node.Name);
            await pool.Close(opened, async: true);
        }

        return names;
    }

    private static async Task<(string Node, RouteReason? Reason)> Open(NodePool pool, bool strict = false)
    {
        var opened = await pool.OpenSlave(Goal, strict, async: true, default);
        await pool.Close(opened, async: true);
        return (opened.Node.Name, opened.Reason);
    }
}
