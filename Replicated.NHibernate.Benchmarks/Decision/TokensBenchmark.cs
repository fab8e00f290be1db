using Npgsql;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What a token costs, of whatever origin: reading it, judging it, counting it, and what it asks of a read.</summary>
internal sealed class TokensBenchmark() : Benchmark("tokens")
{
    private const double MostNanoseconds = 1_000;

    private static int _sink;

    public override async Task Run(Arguments arguments, Report report)
    {
        await using var app = Unconnected.Build(builder => builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance));
        var rules = app.Services.GetRequiredService<TokenValidator>();
        var now = app.Services.GetRequiredService<TimeProvider>().GetUtcNow();
        app.Services.GetRequiredService<NodePool>().Master.Reading = new NodeReading(new Position(1, 0x30000a8), now);
        string genuine = ConsistencyToken(0), longest = new ConsistencyToken(now, new Position(UInt128.MaxValue, ulong.MaxValue)).ToString();
        string[] mix =
        [
            genuine,
            longest,
            genuine[..^9],
            $"{longest}0",
            new string('f', 4_000),
            "Set-Cookie: replicated-token=\r\n",
            ConsistencyToken(-3600),
            ConsistencyToken(3600),
            new ConsistencyToken(now - TimeSpan.FromSeconds(30), new Position(1, ulong.MaxValue)).ToString(),
            "",
        ];

        var all = Slices.Compare(Accept(mix), Accept(mix));
        report.Line(
            "token, ten kinds in turn",
            $"{all.Nanoseconds:0} ns, {all.Bytes:0.##} bytes (A/A {all.Same:0.000})",
            $"{MostNanoseconds} ns, 0 bytes",
            all.Nanoseconds < MostNanoseconds && all.Bytes < 0.01);
        var one = Slices.Compare(Accept([genuine]), Accept([longest]));
        Report.Note("  of them: genuine, longest", $"{one.BaselineNanoseconds:0} ns, {one.Nanoseconds:0} ns");

        string ConsistencyToken(int seconds) => new ConsistencyToken(now + TimeSpan.FromSeconds(seconds), new Position(1, 0x3000028)).ToString();

        Action<int> Accept(string[] texts) => times =>
        {
            var goals = 0;
            for (var i = 0; i < times; i++)
            {
                goals += rules.GoalOf(rules.Accept(texts[i % texts.Length])).IsNone ? 0 : 1;
            }

            _sink = goals;
        };
    }
}
