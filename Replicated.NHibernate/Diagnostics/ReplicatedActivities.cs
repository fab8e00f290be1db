using System.Diagnostics;

namespace Replicated.NHibernate.Diagnostics;

/// <summary>What tracing shows; docs/observing.md explains each. Thread-safe.</summary>
internal static class ReplicatedActivities
{
    public const string SourceName = "Replicated.NHibernate";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>A scope, from beginning to end; null where nobody listens. Not made current: it ends on a flow of its own, which could not give the place back.</summary>
    public static Activity? Scope()
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var current = Activity.Current;
        var scope = Source.StartActivity("replicated.scope");
        Activity.Current = current;
        return scope;
    }

    /// <summary>The wait for a slave to have what a client wrote.</summary>
    public static Activity? CatchUp(string node) => Source.StartActivity("replicated.catch_up")?.SetTag("replicated.node", node);

    public static void CaughtUp(this Activity? wait, bool reached) => wait?.SetTag("replicated.reached", reached);

    public static void Took(this Activity? scope, string role, string node, string reason) =>
        scope?.SetTag($"replicated.{role}.node", node).SetTag($"replicated.{role}.reason", reason);

    /// <summary>The first statement was sent once more, because that server lost it.</summary>
    public static void Repeated(this Activity? scope, string node) => scope?.SetTag("replicated.repeated_after", node);
}
