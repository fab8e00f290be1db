using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>The text of a token, and which of two counts.</summary>
[Promise(10)]
internal sealed class ConsistencyTokenTests
{
    private const string Latest = "e677d21fdbff";

    private static IEnumerable<string> NoTokens() =>
    [
        "", ".", "-", ".-", "1.", "1.1", "1.1-", "1.-1", ".1-1", "1-1", "1.1.1", "1..1-1", "1.1--1", "1.1-1-1", "1.1-1.1",
        " 1", "1 ", "1.1-1 ", "1. 1-1", "1.1- 1", "+1", "-1", "0x1", "1.-1-1", "1.+1-1", "1.1-+1", "1_0", "1,0", "g", "1.g-1", "1.1-g", "1.1-1;", "1.1-1\r\n", "\0", "1\0",
        "\uff11", "\u0661", "1.\uff11-1", "\ud83d", "\U0001f600", "%31", "\"1\"", "null",
        "e677d21fdc00", "ffffffffffff", $"0{Latest}", $"1.{new string('0', 33)}-1", $"1.1-{new string('0', 17)}", new string('1', 63), new string('1', 1_000_000),
    ];

    private static IEnumerable<ConsistencyToken> AtTheLimits() =>
        from time in new[] { DateTimeOffset.UnixEpoch, DateTimeOffset.FromUnixTimeMilliseconds(1), DateTimeOffset.FromUnixTimeMilliseconds(253_402_300_799_999) }
        from position in new Position?[] { null, default(Position), new Position(0, 1), new Position(1, 0), new Position(1, ulong.MaxValue), new Position(UInt128.MaxValue, 1), new Position(UInt128.MaxValue, ulong.MaxValue) }
        select new ConsistencyToken(time, position);

    [TestCaseSource(nameof(AtTheLimits))]
    public void A_token_at_its_limits_is_read_as_it_was_written(ConsistencyToken token) => Assert.That(ConsistencyToken.Parse(token.ToString()), Is.EqualTo(token));

    [Test]
    public void Any_token_is_read_as_it_was_written_and_no_carrier_has_to_escape_it()
    {
        var random = new Random(20_260_301);
        for (var i = 0; i < 10_000; i++)
        {
            // Of every length, not only long numbers.
            var offset = (ulong)random.NextInt64() >> random.Next(64);
            var log = new UInt128((ulong)random.NextInt64() >> random.Next(64), (ulong)random.NextInt64()) >> random.Next(128);
            var token = new ConsistencyToken(DateTimeOffset.FromUnixTimeMilliseconds(random.NextInt64(253_402_300_800_000) >> random.Next(48)), i % 4 == 0 ? null : new Position(log, offset));
            var text = token.ToString();
            Assert.That(ConsistencyToken.TryParse(text, out var read) && read == token && text.Length <= 62 && text.All(c => char.IsAsciiHexDigitLower(c) || c is '.' or '-'), text);
        }
    }

    [Test]
    public void The_longest_token_is_as_long_as_it_is_said_to_be() =>
        Assert.That(AtTheLimits().Max(m => m.ToString().Length), Is.EqualTo(ConsistencyToken.MaxLength - ((ConsistencyToken.MostLogs - 1) * 50)).And.EqualTo(62));

    [Test]
    public void The_text_is_the_same_in_every_version() => Assert.Multiple(() =>
    {
        Assert.That(new ConsistencyToken(DateTimeOffset.FromUnixTimeMilliseconds(0x1a2b3c4d5e), new Position(1, 0x30000a8)).ToString(), Is.EqualTo("1a2b3c4d5e.1-30000a8"));
        Assert.That(new ConsistencyToken(DateTimeOffset.FromUnixTimeMilliseconds(0x1a2b3c4d5e), Position: null).ToString(), Is.EqualTo("1a2b3c4d5e"));
        Assert.That(ConsistencyToken.Parse("1A2B3C4D5E.1-30000A8"), Is.EqualTo(ConsistencyToken.Parse("1a2b3c4d5e.1-30000a8")));
    });

    [Test]
    public void What_is_no_token_is_none_and_is_not_repeated() => Assert.Multiple(() =>
    {
        // Not as cases: their names would be as hostile as they are.
        foreach (var text in NoTokens())
        {
            var shown = $"{Uri.EscapeDataString(text[..Math.Min(text.Length, 70)])}, {text.Length} characters";
            Assert.That((ConsistencyToken.TryParse(text, out var token), token), Is.EqualTo((false, default(ConsistencyToken))), shown);
            Assert.That(Thrown(text), Is.EqualTo("The text is not a token. Give what ConsistencyToken.ToString() wrote."), shown);
        }

        static string? Thrown(string text) => Assert.Throws<FormatException>(() => ConsistencyToken.Parse(text))?.Message;
    });

    [Test]
    public void A_time_before_all_tokens_is_written_as_the_first_one() =>
        Assert.That(ConsistencyToken.Parse(default(ConsistencyToken).ToString()), Is.EqualTo(new ConsistencyToken(DateTimeOffset.UnixEpoch, Position: null)));

    [Test]
    public void Of_two_tokens_both_writes_are_seen()
    {
        var (early, late) = (DateTimeOffset.FromUnixTimeMilliseconds(1_000), DateTimeOffset.FromUnixTimeMilliseconds(2_000));
        (ConsistencyToken? One, ConsistencyToken? Other, ConsistencyToken? Expected)[] pairs =
        [
            (null, null, null),
            (At(early, 1, 5), null, At(early, 1, 5)),
            // In one log the farther place has both; the newer time is what a window, where one counts, begins with.
            (At(early, 1, 5), At(late, 1, 9), At(late, 1, 9)),
            (At(late, 1, 5), At(early, 1, 9), At(late, 1, 9)),
            // Another log says nothing of this one: after a failover the new master's numbers may be lower.
            (At(early, 2, 9), At(late, 1, 5), At(late, 1, 5)),
            (At(early, 1, 9), At(late, 2, 5), At(late, 2, 5)),
            // A place does not tell of a write that came later without one.
            (At(early, 1, 9), new ConsistencyToken(late, Position: null), new ConsistencyToken(late, Position: null)),
            (new ConsistencyToken(early, Position: null), At(late, 1, 9), At(late, 1, 9)),
        ];
        Assert.Multiple(() =>
        {
            foreach (var (one, other, expected) in pairs)
            {
                Assert.That((ConsistencyToken.Later(one, other), ConsistencyToken.Later(other, one)), Is.EqualTo((expected, expected)), $"{one} and {other}");
            }
        });

        static ConsistencyToken At(DateTimeOffset time, ulong log, ulong offset) => new(time, new Position(log, offset));
    }
}
