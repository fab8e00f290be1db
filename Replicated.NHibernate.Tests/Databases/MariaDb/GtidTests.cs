using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>Positions that are sets: their texts on both servers, their comparison, their token.</summary>
[Promise(10)]
internal sealed class GtidTests
{
    private static readonly MariaDbPositions Positions = new();

    [TestCase("0-1-100", "0-100")]
    [TestCase("5-1-3,0-2-100", "0-100 5-3")]
    [TestCase("0-1-100,0-2-7", "0-100")]
    [TestCase("", null)]
    [TestCase("0-1", null)]
    [TestCase("0-1-x", null)]
    public void MariaDbs_numbers_are_read_by_domain(string text, string? places) => Assert.That(Shown(GtidText.MariaDb(text)), Is.EqualTo(places));

    [TestCase("00000000-0000-0000-0000-0000000000ff:1-5:7-9", true, "255-5")]
    [TestCase("00000000-0000-0000-0000-0000000000ff:1-5:7-9", false, "255-9")]
    [TestCase("00000000-0000-0000-0000-0000000000ff:3", true, "255-0")]
    [TestCase("00000000-0000-0000-0000-0000000000ff:1", true, "255-1")]
    [TestCase("00000000-0000-0000-0000-0000000000ff:1-5,\n00000000-0000-0000-0000-000000000001:1-7", true, "1-7 255-5")]
    [TestCase("", true, null)]
    public void MySqls_sets_are_read_up_to_the_gap_of_a_slave_and_to_the_end_of_a_master(string text, bool upToGap, string? places) =>
        Assert.That(Shown(GtidText.MySql(text, upToGap)), Is.EqualTo(places));

    [Test]
    public void Position_is_written_as_the_server_waits_for_it()
    {
        var position = Position.Of([(0, 100), (5, 3)]);
        Assert.That(GtidText.MariaDb(position), Is.EqualTo("0-0-100,5-0-3"));
        Assert.That(GtidText.MySql(Position.Of([(255, 9)])), Is.EqualTo("00000000-0000-0000-0000-0000000000ff:1-9"));
    }

    [TestCase("0-1-5", "0-1-5", true)]
    [TestCase("0-1-5", "0-2-6", true)]
    [TestCase("0-1-5", "0-1-4", false)]
    [TestCase("0-1-5", "1-1-9", false)]
    [TestCase("0-1-5", "0-1-5,1-1-9", true)]
    [TestCase("0-1-5,1-1-9", "0-1-7,1-1-8", false)]
    [TestCase("0-1-5,1-1-9", "0-1-5", false)]
    public void Slave_has_what_it_has_of_every_log(string wanted, string replayed, bool reached) =>
        Assert.That(Positions.IsReached(GtidText.MariaDb(wanted)!.Value, GtidText.MariaDb(replayed)!.Value), Is.EqualTo(reached));

    [Test]
    public void Union_is_reached_where_both_are() =>
        Assert.That(Shown(Positions.Union(GtidText.MariaDb("0-1-5,1-1-9")!.Value, GtidText.MariaDb("0-1-7,2-1-1")!.Value)), Is.EqualTo("0-7 1-9 2-1"));

    [Test]
    public void Token_of_several_logs_is_read_as_it_was_written()
    {
        var token = new ConsistencyToken(DateTimeOffset.FromUnixTimeMilliseconds(1_000), Position.Of([(5, 3), (0, 255)]));
        Assert.That(token.ToString(), Is.EqualTo("3e8.0-ff_5-3"));
        Assert.That((ConsistencyToken.Parse("3e8.0-ff_5-3"), ConsistencyToken.Parse("3e8.5-3_0-ff")), Is.EqualTo((token, token)));
        Assert.That(ConsistencyToken.Parse("3e8.0-ff_5-4"), Is.Not.EqualTo(token));
        Assert.That(token.Position!.Value.GetHashCode(), Is.EqualTo(ConsistencyToken.Parse("3e8.5-3_0-ff").Position!.Value.GetHashCode()));
    }

    [TestCase("3e8.0-1_")]
    [TestCase("3e8._0-1")]
    [TestCase("3e8.0-1_0-2")]
    [TestCase("3e8.0-1_1")]
    [TestCase("3e8.0-1_1-2_2-3_3-4_4-5_5-6_6-7_7-8_8-9")]
    public void Text_that_nobody_wrote_is_no_token(string text) => Assert.That(ConsistencyToken.TryParse(text, out _), Is.False);

    [Test]
    public void Longest_token_has_its_length()
    {
        var longest = new ConsistencyToken(DateTimeOffset.MaxValue, Position.Of(Enumerable.Range(0, 8).Select(i => (UInt128.MaxValue - (UInt128)i, ulong.MaxValue))));
        Assert.That(longest.ToString(), Has.Length.EqualTo(412).And.Length.EqualTo(ConsistencyToken.MaxLength));
        Assert.That(ConsistencyToken.Parse(longest.ToString()).Position, Is.EqualTo(longest.Position));
    }

    private static string? Shown(Position? position) => position is { } known ? string.Join(' ', known.Places.Select(p => $"{p.Log}-{p.Offset}")) : null;
}
