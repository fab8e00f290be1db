using NHibernate;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>
/// The whole pipeline of a request on one thread, over a provider that answers from memory: what remains is the cost of the code, and it can be told apart to a fraction
/// of a microsecond on a busy machine.
/// </summary>
internal sealed class MemoryBenchmark() : Benchmark("request-memory")
{
    private const double MostRatio = 1.25;

    private static object? _sink;

    public override async Task Run(Arguments arguments, Report report)
    {
        await using var plain = await MemoryApp.PlainAsync();
        await using var again = await MemoryApp.PlainAsync();
        await using var routed = await MemoryApp.RoutedAsync();
        const string Json = """{"title":"A post of the benchmark","body":"Some words that make it as long as a short message is."}""";

        Request("GET by key", 1_200, () => new MemoryExchange("GET", "/posts/0b4d8e52-6c1f-4d6e-9f0e-6a3b6d1f7a10", StatusCodes.Status200OK));
        Request("POST with one insert", 2_500, () => new MemoryExchange("POST", "/posts", StatusCodes.Status201Created, Json));
        Request("GET, session injected only", 640, () => new MemoryExchange("GET", "/posts/none", StatusCodes.Status204NoContent));

        var factory = plain.Services.GetRequiredService<PlainFactories>().Slaves;
        var (current, sessions) = (routed.Services.GetRequiredService<ISessionFactory>(), routed.Services.GetRequiredService<IReplicatedSessions>());
        Line("session opened and closed", 640, Slices.Compare(Open, Current, fewer: arguments.Full ? 1 : 4));

        void Request(string what, int mostBytes, Func<MemoryExchange> exchange) =>
            Line(what, mostBytes, Slices.Compare(plain.Sending(exchange()), routed.Sending(exchange()), fewer: arguments.Full ? 2 : 8, again.Sending(exchange())));

        void Line(string what, int mostBytes, Comparison result) => report.Line(
            $"memory, {what}",
            $"{result.Ratio:0.000} x ({result.Nanoseconds / 1000:0.00} us against {result.BaselineNanoseconds / 1000:0.00} us), {result.MoreBytes:+0;-0} bytes on {result.BaselineBytes:0} (A/A {result.Same:0.000})",
            $"{MostRatio} x, +{mostBytes} bytes",
            result.Ratio <= MostRatio && result.MoreBytes <= mostBytes);

        void Open(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var session = factory.OpenSession();
                _sink = session;
            }
        }

        void Current(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var scope = sessions.BeginScope(DatabaseRole.Slave);
                _sink = current.GetCurrentSession();
            }
        }
    }
}
