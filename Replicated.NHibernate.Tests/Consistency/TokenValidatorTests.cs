using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>Which tokens count, and what they ask of a read.</summary>
[Promise(10)]
internal sealed class TokenValidatorTests
{
    private static readonly ReadGoal OnlyMaster = new(Position: null, OnlyMaster: true);

    [Test]
    public void A_token_counts_until_it_is_too_old()
    {
        using var app = new TokenApp();
        var token = app.Written(TimeSpan.FromSeconds(60), 7);
        Assert.That((app.Accept(token), app.Rules.GoalOf(token)), Is.EqualTo(((ConsistencyToken?)token, new ReadGoal(new Position(1, 7), OnlyMaster: false))));
        app.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((app.Accept(token), app.Rules.GoalOf(token)), Is.EqualTo(((ConsistencyToken?)null, ReadGoal.None)));
        Assert.That(app.Rules.IsPassed(token), Is.True, "Nobody needs to be told any more.");
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 1, ["too-old"] = 1 }));
    }

    [Test]
    public void A_token_from_the_future_counts_only_as_far_as_clocks_differ()
    {
        using var app = new TokenApp();
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(-5), 7)), Is.Not.Null);
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(-5.001), 7)), Is.Null);
        Assert.That(app.Accept(new ConsistencyToken(DateTimeOffset.MaxValue, new Position(1, 7))), Is.Null);
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 1, ["future"] = 2 }));
    }

    [TestCase(100ul, 1ul, 10, ExpectedResult = true, TestName = "A_place_that_the_master_has_counts")]
    [TestCase(101ul, 1ul, 10, ExpectedResult = false, TestName = "A_place_that_the_master_had_not_reached_after_it_was_written_does_not_count")]
    [TestCase(101ul, 1ul, 5, ExpectedResult = true, TestName = "A_place_beyond_the_master_counts_while_clocks_may_differ")]
    [TestCase(101ul, 2ul, 10, ExpectedResult = true, TestName = "A_place_in_another_log_counts_as_nobody_can_compare_it")]
    public bool Of_a_master_at_100(ulong offset, ulong log, int secondsAgo)
    {
        using var app = new TokenApp();
        app.Pool.Master.Reading = new NodeReading(new Position(1, 100), app.Clock.GetUtcNow());
        var token = app.Written(TimeSpan.FromSeconds(secondsAgo), offset, log);
        var counts = app.Accept(token) is not null;
        Assert.That(app.Counted.Keys, Is.EqualTo(new[] { counts ? "accepted" : "beyond-master" }));
        Assert.That(app.Rules.GoalOf(token).IsNone, Is.EqualTo(!counts));
        return counts;
    }

    [Test]
    public void While_the_masters_place_is_not_known_every_place_counts()
    {
        using var app = new TokenApp();
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(30), ulong.MaxValue)), Is.Not.Null);
    }

    [Test]
    public async Task What_was_written_while_the_masters_answer_was_on_its_way_is_not_beyond_it()
    {
        using var app = new TokenApp();
        app.Servers.Positions!.Servers["master"] = _ =>
        {
            app.Clock.Advance(TimeSpan.FromSeconds(30));
            return Task.FromResult<Position?>(new Position(1, 100));
        };
        await using var connection = app.Pool.Provider.Create("Server=master");
        await app.Questions.Sample(app.Pool.Master, connection, default);
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(20), 101)), Is.Not.Null);
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(36), 101)), Is.Null);
    }

    [Test]
    public void Where_only_time_can_tell_the_master_answers_for_the_window([Values("a mode", "no positions", "a token without one")] string why)
    {
        using var app = new TokenApp(positions: why != "no positions", settings: ("Replicated:ReadYourWrites:Mode", why == "a mode" ? "Window" : "Auto"));
        var token = app.Written(TimeSpan.FromSeconds(4.999), why == "a token without one" ? null : 7);
        Assert.That((app.Rules.GoalOf(app.Accept(token)), app.Rules.IsPassed(token)), Is.EqualTo((OnlyMaster, false)));
        app.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((app.Rules.GoalOf(app.Accept(token)), app.Rules.IsPassed(token)), Is.EqualTo((ReadGoal.None, true)));
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 2 }));
    }

    [Test]
    public void Switched_off_no_token_counts_and_none_is_made()
    {
        using var app = new TokenApp(settings: ("Replicated:ReadYourWrites:Mode", "Off"));
        var token = app.Written(TimeSpan.Zero, 7);
        Assert.That((app.Accept(token), app.Rules.GoalOf(token), app.Rules.Written(new Position(1, 7)), app.Rules.Positions), Is.EqualTo(((ConsistencyToken?)null, ReadGoal.None, (ConsistencyToken?)null, (ReplicationPositions?)null)));
        Assert.That(app.Counted, Is.Empty);
    }

    [Test]
    public void A_mode_changes_while_the_application_runs()
    {
        using var app = new TokenApp();
        var token = app.Written(TimeSpan.Zero, 7);
        var before = app.Rules.GoalOf(token);
        app.Set("Replicated:ReadYourWrites:Mode", "Window");
        var window = app.Rules.GoalOf(token);
        app.Set("Replicated:ReadYourWrites:Mode", "Off");
        Assert.That((before, window, app.Rules.GoalOf(token)), Is.EqualTo((new ReadGoal(token.Position, OnlyMaster: false), OnlyMaster, ReadGoal.None)));
    }

    [Test]
    public void Without_slaves_no_token_is_made()
    {
        using var app = new TokenApp(slaves: 0);
        Assert.That(app.Rules.Written(new Position(1, 7)), Is.Null);
    }

    [Test]
    public void A_commit_is_tokened_with_its_time_and_place()
    {
        using var app = new TokenApp();
        Assert.That(app.Rules.Written(position: null), Is.EqualTo(new ConsistencyToken(app.Clock.GetUtcNow(), Position: null)));
        Assert.That(app.Rules.Written(new Position(1, 7)), Is.EqualTo(new ConsistencyToken(app.Clock.GetUtcNow(), new Position(1, 7))));
    }

    [Test]
    public void A_token_is_passed_once_every_slave_has_passed_it()
    {
        using var app = new TokenApp(slaves: 2);
        var token = app.Written(TimeSpan.Zero, 7);
        Read(0, 7);
        Assert.That(app.Rules.IsPassed(token), Is.False, "The other one has not been asked.");
        Read(1, 6);
        Assert.That(app.Rules.IsPassed(token), Is.False);
        Read(1, 7);
        Assert.That(app.Rules.IsPassed(token), Is.True);
        app.Pool.Slaves[0].Reading = null;
        Assert.That(app.Rules.IsPassed(token), Is.False, "It may have come back behind where it was.");

        void Read(int slave, ulong offset) => app.Pool.Slaves[slave].Reading = new NodeReading(new Position(1, offset), app.Clock.GetUtcNow());
    }
}
