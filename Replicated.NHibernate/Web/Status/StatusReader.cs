using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Web.Status;

/// <summary>Puts together what this process knows, from memory. Thread-safe.</summary>
internal sealed class StatusReader(NodeRegistry registry, OptionsSnapshot settings, StatusCounters counters, StatusHistory history, TimeProvider clock)
{
    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(10);

    public ReplicatedStatus Read()
    {
        var options = settings.Value.Options;
        var samples = history.Samples();
        var now = history.Now();
        return new ReplicatedStatus(
            clock.GetUtcNow(),
            new InstanceStatus(Environment.MachineName, Environment.ProcessId, counters.Since),
            new SettingsStatus(
                options.AutoReadOnSlave,
                options.ReadYourWrites.Mode.ToString(),
                options.MaxLag.TotalSeconds,
                options.Probe.Interval.TotalSeconds,
                options.LoadBalancing,
                registry.Positions is not null),
            [.. registry.Slaves.Prepend(registry.Master).Select(n => Of(n, samples, now))],
            Sessions(),
            new FallbackStatus(counters.Of(ReplicatedMetrics.ActiveFallbacks).Sum(c => c.Value), options.MaxFallbackSessions, Tagged(ReplicatedMetrics.Fallbacks)),
            Tagged(ReplicatedMetrics.Tokens),
            Tagged(ReplicatedMetrics.Ejections));
    }

    private NodeStatus Of(Node node, StatusSample[] samples, StatusSample now)
    {
        var (health, timestamp) = (node.Health, clock.GetTimestamp());
        var isKnown = timestamp < health.Until;
        var since = isKnown ? health.Since : health.Until;
        return new NodeStatus(
            node.Name,
            NodeAddress.Of(node.ConnectionString),
            node.Role == DatabaseRole.Master ? "master" : "slave",
            node.Weight,
            health.At(timestamp).Name(),
            health.IsUsableAt(timestamp),
            isKnown ? health.Why : $"nothing was heard of it since: it was {health.State.Name()}, {health.Why}",
            since is long.MinValue or long.MaxValue ? null : clock.GetUtcNow() - clock.GetElapsedTime(since, timestamp),
            history.LagOf(node),
            node.Reading is { } reading ? Math.Round((clock.GetUtcNow() - reading.At).TotalSeconds, 3) : null,
            node.InUse,
            Rate(node.Name, samples, now),
            node.Role == DatabaseRole.Slave ? [.. samples.Select(s => s.Lags.GetValueOrDefault(node.Name))] : []);
    }

    private double Rate(string node, StatusSample[] samples, StatusSample now)
    {
        var then = Array.Find(samples, s => clock.GetElapsedTime(s.At, now.At) <= RateWindow);
        var seconds = then is null ? 0 : clock.GetElapsedTime(then.At, now.At).TotalSeconds;
        return seconds < 1 ? 0 : Math.Round((now.Sessions.GetValueOrDefault(node) - then!.Sessions.GetValueOrDefault(node)) / seconds, 1);
    }

    private SessionCount[] Sessions() =>
    [
        .. from count in counters.Of(ReplicatedMetrics.Sessions)
           let session = new SessionCount(Tag(count, "role"), Tag(count, ReplicatedMetrics.NodeTag), Tag(count, "reason"), count.Value)
           orderby session.Node, session.Role, session.Reason
           select session,
    ];

    private TaggedCount[] Tagged(string instrument) =>
        [.. counters.Of(instrument).OrderBy(c => string.Join(' ', c.Tags.Values), StringComparer.Ordinal).Select(c => new TaggedCount(c.Tags, c.Value))];

    private static string Tag(StatusCount count, string name) => count.Tags.GetValueOrDefault(name, "");
}
