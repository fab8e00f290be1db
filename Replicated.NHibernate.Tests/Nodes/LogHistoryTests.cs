using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Which places of which timelines count, by what the master was last seen to write.</summary>
[Promise(10), Promise(13)]
internal sealed class LogHistoryTests
{
    private static readonly PostgreSqlPositions Positions = new();

    [TestCase(2, 100, 2, 100, true)]
    [TestCase(2, 101, 2, 100, false)]
    [TestCase(1, 40, 2, 60, true, TestName = "Before_the_fork")]
    [TestCase(1, 900, 2, 60, true, TestName = "Behind_the_fork_it_is_lost_and_asks_for_nothing")]
    [TestCase(1, 40, 2, 39, false, TestName = "Slave_that_has_not_come_to_the_fork_yet")]
    [TestCase(1, 900, 2, 49, false, TestName = "Slave_that_may_not_have_come_to_the_fork_yet")]
    [TestCase(1, 40, 1, 900, false, TestName = "Slave_of_the_old_timeline")]
    [TestCase(2, 10, 1, 900, false, TestName = "Slave_of_the_old_timeline_that_is_further")]
    [TestCase(2, 40, 3, 900, false, TestName = "Slave_of_a_timeline_that_the_master_does_not_write")]
    [TestCase(3, 40, 2, 900, false, TestName = "Token_of_a_timeline_that_the_master_does_not_write")]
    public void Beside_a_master_first_seen_at_50_of_timeline_2(int wanted, int offset, int log, int replayed, bool isReached)
    {
        var history = new LogHistory();
        history.MasterIsAt(new Position(1, 45));
        history.MasterIsAt(new Position(2, 70));
        history.MasterIsAt(new Position(2, 50));
        history.MasterIsAt(new Position(2, 90));
        Assert.That(history.IsReached(Positions, new((UInt128)wanted, (ulong)offset), new((UInt128)log, (ulong)replayed)), Is.EqualTo(isReached));
    }

    [Test]
    public void While_no_master_is_known_the_order_of_timelines_counts()
    {
        var history = new LogHistory();
        history.MasterIsAt(new Position(1, 45));
        Assert.That(history.IsReached(Positions, new(1, 40), new(2, 60)), Is.False);
        history.MasterIsGone();
        Assert.That((history.Current, history.IsReached(Positions, new(1, 40), new(2, 60)), history.IsReached(Positions, new(2, 40), new(1, 60))), Is.EqualTo(((UInt128?)null, true, false)));
    }
}
