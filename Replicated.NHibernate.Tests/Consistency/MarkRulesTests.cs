using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>Which marks count, and what they ask of a read.</summary>
[Promise(10)]
internal sealed class MarkRulesTests
{
    private static readonly ReadGoal OnlyMaster = new(Position: null, OnlyMaster: true);

    [Test]
    public void A_mark_counts_until_it_is_too_old()
    {
        using var app = new MarkApp();
        var mark = app.Written(TimeSpan.FromSeconds(60), 7);
        Assert.That((app.Accept(mark), app.Rules.GoalOf(mark)), Is.EqualTo(((Mark?)mark, new ReadGoal(new Position(1, 7), OnlyMaster: false))));
        app.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((app.Accept(mark), app.Rules.GoalOf(mark)), Is.EqualTo(((Mark?)null, ReadGoal.None)));
        Assert.That(app.Rules.IsPassed(mark), Is.True, "Nobody needs to be told any more.");
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 1, ["too-old"] = 1 }));
    }

    [Test]
    public void A_mark_from_the_future_counts_only_as_far_as_clocks_differ()
    {
        using var app = new MarkApp();
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(-5), 7)), Is.Not.Null);
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(-5.001), 7)), Is.Null);
        Assert.That(app.Accept(new Mark(DateTimeOffset.MaxValue, new Position(1, 7))), Is.Null);
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 1, ["future"] = 2 }));
    }

    [TestCase(100ul, 1ul, 10, ExpectedResult = true, TestName = "A_place_that_the_master_has_counts")]
    [TestCase(101ul, 1ul, 10, ExpectedResult = false, TestName = "A_place_that_the_master_had_not_reached_after_it_was_written_does_not_count")]
    [TestCase(101ul, 1ul, 5, ExpectedResult = true, TestName = "A_place_beyond_the_master_counts_while_clocks_may_differ")]
    [TestCase(101ul, 2ul, 10, ExpectedResult = true, TestName = "A_place_in_another_log_counts_as_nobody_can_compare_it")]
    public bool Of_a_master_at_100(ulong offset, ulong log, int secondsAgo)
    {
        using var app = new MarkApp();
        app.Pool.Master.Reading = new NodeReading(new Position(1, 100), app.Clock.GetUtcNow());
        var mark = app.Written(TimeSpan.FromSeconds(secondsAgo), offset, log);
        var counts = app.Accept(mark) is not null;
        Assert.That(app.Counted.Keys, Is.EqualTo(new[] { counts ? "accepted" : "beyond-master" }));
        Assert.That(app.Rules.GoalOf(mark).IsNone, Is.EqualTo(!counts));
        return counts;
    }

    [Test]
    public void While_the_masters_place_is_not_known_every_place_counts()
    {
        using var app = new MarkApp();
        Assert.That(app.Accept(app.Written(TimeSpan.FromSeconds(30), ulong.MaxValue)), Is.Not.Null);
    }

    [Test]
    public async Task What_was_written_while_the_masters_answer_was_on_its_way_is_not_beyond_it()
    {
        using var app = new MarkApp();
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
    public void Where_only_time_can_tell_the_master_answers_for_the_window([Values("a mode", "no positions", "a mark without one")] string why)
    {
        using var app = new MarkApp(positions: why != "no positions", settings: ("Replicated:AfterWrite:Mode", why == "a mode" ? "Window" : "Auto"));
        var mark = app.Written(TimeSpan.FromSeconds(4.999), why == "a mark without one" ? null : 7);
        Assert.That((app.Rules.GoalOf(app.Accept(mark)), app.Rules.IsPassed(mark)), Is.EqualTo((OnlyMaster, false)));
        app.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((app.Rules.GoalOf(app.Accept(mark)), app.Rules.IsPassed(mark)), Is.EqualTo((ReadGoal.None, true)));
        Assert.That(app.Counted, Is.EqualTo(new Dictionary<string, long> { ["accepted"] = 2 }));
    }

    [Test]
    public void Switched_off_no_mark_counts_and_none_is_made()
    {
        using var app = new MarkApp(settings: ("Replicated:AfterWrite:Mode", "Off"));
        var mark = app.Written(TimeSpan.Zero, 7);
        Assert.That((app.Accept(mark), app.Rules.GoalOf(mark), app.Rules.Written(new Position(1, 7)), app.Rules.Positions), Is.EqualTo(((Mark?)null, ReadGoal.None, (Mark?)null, (ReplicationPositions?)null)));
        Assert.That(app.Counted, Is.Empty);
    }

    [Test]
    public void A_mode_changes_while_the_application_runs()
    {
        using var app = new MarkApp();
        var mark = app.Written(TimeSpan.Zero, 7);
        var before = app.Rules.GoalOf(mark);
        app.Set("Replicated:AfterWrite:Mode", "Window");
        var window = app.Rules.GoalOf(mark);
        app.Set("Replicated:AfterWrite:Mode", "Off");
        Assert.That((before, window, app.Rules.GoalOf(mark)), Is.EqualTo((new ReadGoal(mark.Position, OnlyMaster: false), OnlyMaster, ReadGoal.None)));
    }

    [Test]
    public void Without_slaves_no_mark_is_made()
    {
        using var app = new MarkApp(slaves: 0);
        Assert.That(app.Rules.Written(new Position(1, 7)), Is.Null);
    }

    [Test]
    public void A_commit_is_marked_with_its_time_and_place()
    {
        using var app = new MarkApp();
        Assert.That(app.Rules.Written(position: null), Is.EqualTo(new Mark(app.Clock.GetUtcNow(), Position: null)));
        Assert.That(app.Rules.Written(new Position(1, 7)), Is.EqualTo(new Mark(app.Clock.GetUtcNow(), new Position(1, 7))));
    }

    [Test]
    public void A_mark_is_passed_once_every_slave_has_passed_it()
    {
        using var app = new MarkApp(slaves: 2);
        var mark = app.Written(TimeSpan.Zero, 7);
        Read(0, 7);
        Assert.That(app.Rules.IsPassed(mark), Is.False, "The other one has not been asked.");
        Read(1, 6);
        Assert.That(app.Rules.IsPassed(mark), Is.False);
        Read(1, 7);
        Assert.That(app.Rules.IsPassed(mark), Is.True);
        app.Pool.Slaves[0].Reading = null;
        Assert.That(app.Rules.IsPassed(mark), Is.False, "It may have come back behind where it was.");

        void Read(int slave, ulong offset) => app.Pool.Slaves[slave].Reading = new NodeReading(new Position(1, offset), app.Clock.GetUtcNow());
    }
}
