using NHibernate;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Scope, route and session of a GET, opened and closed without a statement, against a session that is opened and disposed.</summary>
internal sealed class SessionBenchmark() : Benchmark("session")
{
    private const double MostRatio = 1.25;
    private const double MostBytes = 640;

    private static object? _sink;

    public override async Task Run(Arguments arguments, Report report)
    {
        using var plain = Model.PlainFactory(Unconnected.Server);
        await using var plainApp = Unconnected.Build(builder => builder.Services.AddScoped(_ => plain.OpenSession()));
        await using var app = Unconnected.Build(builder => builder.Services.AddReplicatedNHibernate(Model.Configure));
        var requests = app.Services.GetRequiredService<RequestScopes>();
        var factories = app.Services.GetRequiredService<ReplicatedSessionFactories>();
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.SetEndpoint(new Endpoint(requestDelegate: null, new EndpointMetadataCollection(), "GET posts/{id}"));

        Say("session, GetCurrentSession()", Slices.Compare(Plain, Current));
        Say("session, ISession by constructor", Slices.Compare(PlainInContainer, InContainer));
        foreach (var (entities, fewer) in ((int, int)[])[(0, 1), (10, 1), (1000, 100)])
        {
            // What a slave's session holds is flushed at the commit point, for the guard; plain NHibernate only does that where somebody asks.
            var flushed = Slices.Compare(times => PlainHolding(times, entities, flush: true), times => CurrentHolding(times, entities), fewer);
            var held = Slices.Compare(times => PlainHolding(times, entities, flush: false), times => CurrentHolding(times, entities), fewer);
            Report.Note(
                $"  holding {entities} entities",
                $"{held.Ratio:0.000} x ({held.Nanoseconds:0} ns against {held.BaselineNanoseconds:0} ns), {held.MoreBytes:+0;-0} bytes (A/A {held.Same:0.000}); against a session that is flushed {flushed.Ratio:0.000} x, {flushed.MoreBytes:+0;-0} bytes (A/A {flushed.Same:0.000})");
        }

        void Say(string what, Comparison result) => report.Line(
            what,
            $"{result.Ratio:0.000} x ({result.Nanoseconds:0} ns against {result.BaselineNanoseconds:0} ns), {result.MoreBytes:+0;-0} bytes (A/A {result.Same:0.000})",
            $"{MostRatio} x, +{MostBytes} bytes",
            result.Ratio <= MostRatio && result.MoreBytes <= MostBytes);

        void Plain(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var session = plain.OpenSession();
                _sink = session;
            }
        }

        void Current(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var request = new RequestScope(requests, context);
                request.Scope.Enter();
                _sink = factories.Master.GetCurrentSession();
                Finish(request);
            }
        }

        void PlainHolding(int times, int entities, bool flush)
        {
            for (var i = 0; i < times; i++)
            {
                using var session = plain.OpenSession();
                Hold(session, entities);
                if (flush)
                {
                    session.Flush();
                }
            }
        }

        void CurrentHolding(int times, int entities)
        {
            for (var i = 0; i < times; i++)
            {
                var request = new RequestScope(requests, context);
                request.Scope.Enter();
                Hold(factories.Master.GetCurrentSession(), entities);
                Finish(request);
            }
        }

        void PlainInContainer(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var container = plainApp.Services.CreateScope();
                _sink = container.ServiceProvider.GetRequiredService<ISession>();
            }
        }

        void InContainer(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var container = app.Services.CreateScope();
                var request = new RequestScope(requests, context);
                request.Scope.Enter();
                container.ServiceProvider.GetRequiredService<ContainerScope>().Attach(request.Scope);
                _sink = container.ServiceProvider.GetRequiredService<ISession>();
                Finish(request);
            }
        }
    }

    private static void Hold(ISession session, int entities)
    {
        for (var i = 0; i < entities; i++)
        {
            session.Lock(new Post { Id = new Guid(i + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) }, LockMode.None);
        }
    }

    // The commit point and the end, as the action filter and the middleware call them; without a statement both are done at once.
    private static void Finish(RequestScope request)
    {
        Done(request.Complete(StatusCodes.Status200OK, async: true));
        Done(request.End());
    }

    private static void Done(ValueTask task)
    {
        if (!task.IsCompletedSuccessfully)
        {
            throw new InvalidOperationException("Something waited although there was nothing to wait for.");
        }
    }
}
