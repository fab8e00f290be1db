namespace Replicated.NHibernate.Benchmarks;

internal abstract partial class Benchmark
{
    static partial void AddNHibernate(List<Benchmark> all) => all.AddRange([new SessionBenchmark(), new StartUpBenchmark(), new HttpBenchmark(), new MemoryBenchmark()]);
}
