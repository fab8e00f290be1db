using Npgsql;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>The decision alone, for MVC actions as routing finds them.</summary>
internal sealed class DecisionBenchmark() : Benchmark("decision")
{
    private const double MostNanoseconds = 50;

    private static int _sink;

    public override async Task Run(Arguments arguments, Report report)
    {
        await using var app = Unconnected.Build(builder =>
        {
            builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance);
            builder.Services.AddController<DecidedController>();
        });
        app.MapControllers();
        var requests = app.Services.GetRequiredService<RequestScopes>();
        var endpoints = ((IEndpointRouteBuilder)app).DataSources.SelectMany(d => d.Endpoints).ToArray();
        (string Method, Endpoint Endpoint)[] mix =
        [
            ("GET", Action(nameof(DecidedController.Read))),
            ("POST", Action(nameof(DecidedController.Write))),
            ("POST", Action(nameof(DecidedController.Search))),
            ("GET", Action(nameof(DecidedController.Confirm))),
        ];

        var result = Slices.Compare(Decide, Decide);
        report.Line(
            "decision, four actions in turn",
            $"{result.Nanoseconds:0.0} ns, {result.Bytes:0.##} bytes (A/A {result.Same:0.000})",
            $"{MostNanoseconds} ns, 0 bytes",
            result.Nanoseconds < MostNanoseconds && result.Bytes < 0.01);

        void Decide(int times)
        {
            var roles = 0;
            for (var i = 0; i < times; i++)
            {
                ref readonly var request = ref mix[i & 3];
                roles += (int)requests.Decide(request.Method, request.Endpoint, block: null).Role;
            }

            _sink = roles;
        }

        Endpoint Action(string name) => endpoints.Single(e => e.DisplayName!.Contains($"{nameof(DecidedController)}.{name} ", StringComparison.Ordinal));
    }
}
