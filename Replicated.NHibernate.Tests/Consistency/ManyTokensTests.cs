using System.Diagnostics;
using System.Globalization;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>A million tokens that nobody wrote, or not as they are.</summary>
[Promise(10)]
internal sealed class ManyTokensTests
{
    private const int Tokens = 1_000_000;

    private readonly char[] _text = new char[5_000];
    private readonly Random _random = new(7);

    [Test]
    public void No_token_throws_or_allocates_and_each_is_counted_by_its_kind()
    {
        using var app = new TokenApp();
        var now = app.Clock.GetUtcNow();
        app.Pool.Master.Reading = new NodeReading(new Position(1, 1_000_000), now);
        var expected = new long[TokenApp.Kinds.Length];
        var (wrong, goals, taken) = (0, 0, 0L);
        Run(1_000);
        (wrong, goals, taken) = (0, 0, 0L);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(Tokens);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Tokens} tokens: {taken * 1e9 / Stopwatch.Frequency / Tokens:0} ns each with the reading of the clock; {string.Join(", ", app.Counted.Select(c => $"{c.Key} {c.Value}"))}"));
        Assert.That(allocated, Is.Zero);
        Assert.That((wrong, goals), Is.EqualTo((0, (int)(app.Counted["accepted"] - 125))), "Each accepted token, and no other, asks something of a read.");
        Assert.That(app.Counted, Is.EqualTo(TokenApp.Kinds.Zip(expected).ToDictionary(k => k.First, k => k.Second)));

        void Run(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var (length, kind) = Next(i % 8, now);
                expected[kind]++;
                var start = Stopwatch.GetTimestamp();
                var accepted = app.Rules.Accept(_text.AsSpan(0, length));
                var goal = app.Rules.GoalOf(accepted);
                taken += Stopwatch.GetTimestamp() - start;
                wrong += accepted is not null == (kind == 0) ? 0 : 1;
                goals += goal.IsNone ? 0 : 1;
            }
        }
    }

    /// <summary>Writes a token, and says its length and the index of its kind.</summary>
    private (int Length, int Kind) Next(int which, DateTimeOffset now) => which switch
    {
        0 => (Noise(_random.Next(1, 200), 0x10000), 1),
        1 => (Noise(_random.Next(1, ConsistencyToken.MaxLength), 0x80), 1),
        2 => (Write(now, _random.Next(1_000_000), cut: true), 1),
        3 => (Oversized(), 1),
        4 => (Write(now - TimeSpan.FromSeconds(60.001 + (_random.NextDouble() * 1e9)), _random.Next(1_000_000)), 2),
        5 => (Write(now + TimeSpan.FromSeconds(5.002 + (_random.NextDouble() * 1e11)), _random.Next(1_000_000)), 3),
        6 => (Write(now - TimeSpan.FromSeconds(5.001 + (_random.NextDouble() * 50)), _random.NextInt64(1_000_001, long.MaxValue)), 4),
        // Forged as well as can be: within the last seconds, in whatever log.
        _ => (Write(now - TimeSpan.FromSeconds(_random.NextDouble() * 4), _random.NextInt64(), log: _random.Next()), 0),
    };

    private int Noise(int length, int below)
    {
        for (var i = 0; i < length; i++)
        {
            _text[i] = (char)_random.Next(below);
        }

        // What follows is no token, whatever the rest happens to be.
        _text[_random.Next(length)] = (char)('g' + _random.Next(20));
        return length;
    }

    private int Oversized()
    {
        var length = _random.Next(ConsistencyToken.MaxLength + 1, _text.Length);
        _text.AsSpan(0, length).Fill("0123456789abcdef"[_random.Next(16)]);
        return length;
    }

    private int Write(DateTimeOffset at, long offset, int log = 1, bool cut = false)
    {
        var text = _text.AsSpan();
        at.ToUnixTimeMilliseconds().TryFormat(text, out var time, "x", CultureInfo.InvariantCulture);
        text[time++] = '.';
        log.TryFormat(text[time..], out var written, "x", CultureInfo.InvariantCulture);
        var dash = time + written;
        text[dash] = '-';
        if (cut)
        {
            // Somewhere in the log, where what is left cannot be a token.
            return _random.Next(time, dash + 2);
        }

        offset.TryFormat(text[(dash + 1)..], out var digits, "x", CultureInfo.InvariantCulture);
        return dash + 1 + digits;
    }
}
