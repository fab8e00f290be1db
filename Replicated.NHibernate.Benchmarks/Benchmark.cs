namespace Replicated.NHibernate.Benchmarks;

/// <summary>One of the things that are measured, by the name that the command line has for it.</summary>
internal abstract partial class Benchmark(string name)
{
    public static readonly string[] Names = ["decision", "pick", "tokens", "session", "startup", "http", "request-memory"];

    public string Name { get; } = name;

    /// <summary>What this build can measure.</summary>
    public static IReadOnlyList<Benchmark> All
    {
        get
        {
            List<Benchmark> all = [new DecisionBenchmark(), new PickBenchmark(), new TokensBenchmark()];
            AddNHibernate(all);
            return all;
        }
    }

    public static IEnumerable<string> Missing => Names.Except(All.Select(b => b.Name), StringComparer.Ordinal);

    public abstract Task Run(Arguments arguments, Report report);

    static partial void AddNHibernate(List<Benchmark> all);
}
