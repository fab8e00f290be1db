using Microsoft.Extensions.Configuration;
using Npgsql;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Choosing one of fifty slaves, alone and by many threads at a time.</summary>
internal sealed class PickBenchmark() : Benchmark("pick")
{
    private const int Slaves = 50;
    private const int Threads = 32;
    private const int PicksOfEach = 1_000_000;
    private const double MostNanoseconds = 100;

    private static int _sink;

    public override async Task Run(Arguments arguments, Report report)
    {
        foreach (var policy in new[] { "PowerOfTwoChoices", "RoundRobin", "Random" })
        {
            await using var app = Unconnected.Build(builder =>
            {
                builder.Configuration["Replicated:LoadBalancing"] = policy;
                for (var i = 0; i < Slaves; i++)
                {
                    builder.Configuration[$"Replicated:Slaves:{i}:Name"] = $"slave-of-fifty-{i}";
                    builder.Configuration[$"Replicated:Slaves:{i}:Weight"] = $"{1 + (i % 7)}";
                    builder.Configuration[$"Replicated:Slaves:{i}:ConnectionString"] = $"Host=127.0.0.1;Port={i + 1}";
                }

                builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance);
            });
            var registry = app.Services.GetRequiredService<NodeRegistry>();
            var result = Slices.Compare(Pick, Pick);
            var before = Monitor.LockContentionCount;
            var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() => Pick(PicksOfEach))).ToArray();
            Array.ForEach(threads, t => t.Start());
            Array.ForEach(threads, t => t.Join());
            var contentions = Monitor.LockContentionCount - before;
            report.Line(
                $"pick of {Slaves}, {policy}",
                $"{result.Nanoseconds:0.0} ns, {result.Bytes:0.##} bytes (A/A {result.Same:0.000}); {contentions} lock contentions with {Threads} threads",
                $"{MostNanoseconds} ns, 0 bytes, 0 contentions",
                result.Nanoseconds < MostNanoseconds && result.Bytes < 0.01 && contentions == 0);

            void Pick(int times)
            {
                var picked = 0;
                for (var i = 0; i < times; i++)
                {
                    var choice = registry.Choice;
                    picked += choice.Policy.Pick(choice.Reads);
                }

                _sink = picked;
            }
        }
    }
}
