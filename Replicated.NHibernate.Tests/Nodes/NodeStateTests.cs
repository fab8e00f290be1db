using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>What servers are found to be, on virtual time, and where reads go then.</summary>
[Promise(13), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class NodeStateTests : IAsyncDisposable
{
    private static readonly string[] Both = ["s0", "s1"];
    private static readonly string[] OnlyFirst = ["s0"];

    private NodesApp _app = null!;

    [SetUp]
    public async Task Start()
    {
        _app = new NodesApp(2, null, ("Replicated:MaxLag", "00:00:10"));
        _app.Positions.Are(("master", 100), ("s0", 100), ("s1", 100));
        await _app.Sample();
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Test]
    public async Task A_slave_that_has_everything_does_not_lag_however_long_the_master_is_idle()
    {
        _app.Positions.Ages["s0"] = TimeSpan.FromHours(1);
        for (var minute = 0; minute < 10; minute++)
        {
            for (var second = 0; second < 60; second++)
            {
                await _app.Sample(1);
                Assert.That((_app.State(0), _app.Slave(0).Lag), Is.EqualTo(("Up", TimeSpan.Zero)));
            }
        }

        // After all that time, a write that the slave does not have yet.
        _app.Positions.Are(("master", 101), ("s1", 101));
        await _app.Sample(1);
        await _app.Sample(1);
        Assert.That((_app.State(0), _app.Slave(0).Lag), Is.EqualTo(("Up", TimeSpan.FromSeconds(1))));
        Assert.That(_app.Log.Messages(NodesApp.Transition), Is.Empty);
    }

    [Test]
    public async Task A_slave_behind_MaxLag_gets_no_read_from_the_next_sample_on_until_it_has_caught_up()
    {
        for (var second = 1; second <= 11; second++)
        {
            _app.Positions.Are(("master", 100 + (ulong)second), ("s0", 100 + (ulong)second));
            await _app.Sample(1);
            Assert.That((_app.State(1), _app.Slave(1).Lag), Is.EqualTo(("Up", TimeSpan.FromSeconds(second - 1))));
        }

        Assert.That(await _app.Reads(), Is.EqualTo(Both));
        await _app.Sample(1);
        Assert.That((_app.State(1), await _app.Reads(), await _app.Reads(strict: true)), Is.EqualTo(("Lagging", OnlyFirst, OnlyFirst)));
        _app.Positions.Are(("s1", 102));
        await _app.Sample();
        Assert.That((_app.State(1), _app.Slave(1).Lag), Is.EqualTo(("Up", TimeSpan.FromSeconds(9))), "It has what was written up to two seconds after it stopped.");
        Assert.That(await _app.Reads(), Is.EqualTo(Both));
        Assert.That(_app.Log.Messages(NodesApp.Transition), Is.EqualTo(new[]
        {
            "Node s1 is Lagging, was Up: it lacks what the master wrote 11 s ago, which is more than MaxLag, 10 s.",
            "Node s1 is Up, was Lagging: it answers.",
        }));
    }

    [Test]
    public async Task Where_every_slave_lags_the_master_takes_over_and_explicit_reads_are_refused()
    {
        _app.Positions.Are(("master", 101));
        await _app.Sample(1);
        await _app.Sample(11);
        Assert.That((_app.State(0), _app.State(1)), Is.EqualTo(("Lagging", "Lagging")));
        Assert.That(await _app.Reads(), Is.EqualTo(new[] { "master" }));
        await Assert.ThrowsAsync<SlavesUnavailableException>(() => _app.Reads(strict: true));
    }

    [Test]
    public async Task What_a_lost_master_took_with_it_makes_nobody_late([Values("asked", "a read")] string how)
    {
        _app.Positions.Are(("master", 150), ("s0", 120));
        await _app.Sample(1);
        await _app.Sample(11);
        Assert.That((_app.State(0), _app.State(1)), Is.EqualTo(("Lagging", "Lagging")));
        _app.Servers.Fails("master");
        _app.Positions.Fails("master");
        if (how == "asked")
        {
            await _app.Sample(1);
        }

        Assert.That(await _app.Reads(), Is.EqualTo(Both), "None has what the master had, and one misses no more than another by MaxLag.");
        await _app.Sample(1);
        Assert.That((_app.State(0), _app.State(1)), Is.EqualTo(("Up", "Up")));
    }

    [Test, Promise(10)]
    public async Task Without_a_master_a_read_of_what_no_slave_has_is_stale_and_says_so([Values] bool onlyMaster)
    {
        _app.Servers.Fails("master");
        var goal = new Replicated.NHibernate.Positions.ReadGoal(onlyMaster ? null : new Position(1, 101), onlyMaster);
        var opened = await _app.Pool.OpenSlave(goal, strict: false, async: true, default);
        Assert.That((opened.Node.Role, opened.Reason, opened.IsFallback), Is.EqualTo((DatabaseRole.Slave, RouteReason.Stale, false)));
        await _app.Pool.Close(opened, async: true);
        Assert.That((_app.Slave(0).InUse, _app.Slave(1).InUse, _app.NodeRegistry.Master.InUse), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public async Task A_slave_that_is_far_behind_when_the_application_starts_is_told_by_its_own_word_after_an_interval()
    {
        await using var app = new NodesApp(1);
        app.Positions.Are(("master", 100), ("s0", 5));
        app.Positions.Ages["s0"] = TimeSpan.FromHours(2);
        await app.Sample();
        Assert.That(app.State(0), Is.EqualTo("Up"), "It may be behind by a moment.");
        await app.Sample(1);
        Assert.That((app.State(0), app.Slave(0).Lag), Is.EqualTo(("Lagging", TimeSpan.FromHours(2))));
    }

    [Test]
    public async Task A_failover_to_a_server_that_lacks_what_the_old_master_had_makes_nobody_late()
    {
        _app.Positions.Are(("master", 150));
        await _app.Sample(1);
        _app.Positions.Are(("master", 120), ("s0", 120), ("s1", 119));
        await _app.Sample(20);
        Assert.That((_app.State(0), _app.Slave(0).Lag), Is.EqualTo(("Up", TimeSpan.Zero)));
        Assert.That((_app.State(1), _app.Slave(1).Lag), Is.EqualTo(("Up", TimeSpan.Zero)), "It lacks something since now, and not since what nobody has.");
    }

    [Test]
    public async Task A_slave_that_is_promoted_is_used_no_more_until_it_follows_again()
    {
        _app.Positions.Follows["s1"] = false;
        await _app.Sample(1);
        Assert.That((_app.State(1), await _app.Reads(), await _app.Reads(strict: true)), Is.EqualTo(("WrongRole", OnlyFirst, OnlyFirst)));
        _app.Positions.Follows["s1"] = true;
        await _app.Sample(1);
        Assert.That((_app.State(1), await _app.Reads()), Is.EqualTo(("Up", Both)));
    }

    [Test]
    public async Task A_slave_never_seen_to_follow_is_used_with_one_warning()
    {
        await using var app = new NodesApp(2);
        app.Positions.Are(("master", 100), ("s0", 100), ("s1", 100));
        (app.Positions.Follows["s0"], app.Positions.Follows["s1"]) = (false, false);
        await app.Sample();
        await app.Sample(1);
        Assert.That((app.State(0), await app.Reads(), app.Log.Messages(NodesApp.FollowsNobody).Count()), Is.EqualTo(("Up", Both, 1)));
    }

    [Test]
    public async Task Exchanged_roles_are_told_once_with_the_remedy()
    {
        await using var app = new NodesApp(1);
        (app.Positions.Follows["master"], app.Positions.Follows["s0"]) = (true, false);
        await app.Sample();
        await app.Sample(1);
        Assert.That(app.Log.Messages(NodesApp.Exchanged).Single(), Does.Contain("Exchange ConnectionStrings:Master and s0's."));
        Assert.That(app.NodeRegistry.StateOf(app.NodeRegistry.Master), Is.EqualTo(NodeState.WrongRole));
    }

    [Test]
    public async Task What_nobody_renews_is_not_known_any_more_and_shuts_nobody_out()
    {
        _app.Positions.Follows["s1"] = false;
        await _app.Sample(1);
        _app.Clock.Advance(TimeSpan.FromSeconds(3.999));
        Assert.That((_app.State(1), await _app.Reads()), Is.EqualTo(("WrongRole", OnlyFirst)));
        _app.Clock.Advance(TimeSpan.FromSeconds(0.001));
        Assert.That((_app.State(1), await _app.Reads()), Is.EqualTo(("Unknown", Both)));
    }

    [Test]
    public async Task What_failed_after_a_question_was_asked_counts_more_than_its_answer()
    {
        _app.Positions.Servers["s1"] = _ =>
        {
            _app.NodeRegistry.Failed(_app.Slave(1), "it could not be connected to");
            return Task.FromResult<Position?>(new Position(1, 100));
        };
        await _app.Sample(1);
        Assert.That(_app.State(1), Is.EqualTo("Down"));
        _app.Positions.Are(("s1", 100));
        await _app.Sample(1);
        Assert.That(_app.State(1), Is.EqualTo("Up"));
    }

    [Test]
    public async Task Broken_connection_has_its_server_asked_and_ejects_nobody([Values] bool before)
    {
        var asked = 0;
        _app.NodeRegistry.Suspected = _ => asked++;
        var opened = await _app.Pool.OpenSlave(default, strict: true, async: true, default);
        if (before)
        {
            _app.NodeRegistry.Failed(opened.Node, "it is away");
            await _app.Sample(1);
        }

        await opened.Connection.CloseAsync();
        await _app.Pool.Close(opened, async: true);
        Assert.That((_app.NodeRegistry.StateOf(opened.Node), asked), Is.EqualTo((NodeState.Up, before ? 0 : 1)), "One from before the server came back says nothing of it.");
    }

    [Test]
    public async Task A_lost_slave_is_counted_and_told_once_whoever_notices()
    {
        _app.Servers.Fails("s1");
        Assert.That(await _app.Reads(), Is.EqualTo(OnlyFirst));
        Positions().Are(("s0", 100));
        _app.Positions.Fails("s1");
        await _app.Sample(1);
        Assert.That(_app.Measured.Where(m => m.Name.StartsWith("replicated.ejections", StringComparison.Ordinal)), Is.EqualTo(new[] { ("replicated.ejections node=s1, state=down", 1.0) }));
        Assert.That(_app.Log.Messages(NodesApp.Transition).Single(), Is.EqualTo("Node s1 is Down, was Up: it could not be connected to or did not answer (TimeoutException)."));
        Assert.That(_app.Log.Messages(2).Single(), Is.EqualTo("Node s1 could not be opened (TimeoutException). Next: another slave"), "One request found out.");

        FakePositions Positions() => _app.Positions;
    }
}
