using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

[Promise(13)]
internal sealed class MasterProgressTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Test]
    public void A_lag_of_hours_is_known_to_a_few_percent_from_a_bounded_memory()
    {
        var clock = new VirtualTime();
        var progress = new MasterProgress(new FakePositions(), clock);
        for (var second = 0UL; second < 20_000; second++)
        {
            progress.Note(new Position(1, second));
            clock.Advance(Second);
        }

        foreach (var behind in new[] { 1, 10, 60, 500, 3_600, 14_400 })
        {
            var lag = progress.LagOf(new Position(1, (ulong)(20_000 - behind - 1)), age: null, Second).TotalSeconds;
            TestContext.Out.WriteLine($"{behind} s behind: {lag} s");
            Assert.That(lag, Is.EqualTo(behind).Within(behind <= 60 ? 0 : 4).Percent);
        }
    }

    [Test]
    public void Nothing_is_missing_where_nothing_is_known() =>
        Assert.That(new MasterProgress(new FakePositions(), new VirtualTime()).LagOf(new Position(1, 5), TimeSpan.FromHours(1), Second), Is.EqualTo(TimeSpan.Zero));
}
