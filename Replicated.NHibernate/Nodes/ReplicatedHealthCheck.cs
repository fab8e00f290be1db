using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Replicated.NHibernate.Nodes;

/// <summary>What is known of the servers, without asking them.</summary>
internal sealed class ReplicatedHealthCheck(Topology topology) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Node[] nodes = [topology.Master, .. topology.Slaves];
        string[] lost = [.. nodes.Where(IsLost).Select(n => $"{n.Name} is {topology.StateOf(n)}: {(topology.StateOf(n) == NodeState.Unknown ? "nobody could ask it" : n.Health.Why)}.")];
        var status = lost.Length == 0 ? HealthStatus.Healthy
            : topology.IsUsable(topology.Master) ? HealthStatus.Degraded
            : context.Registration.FailureStatus;
        var data = nodes.ToDictionary(n => n.Name, object (n) => Shown(n), StringComparer.Ordinal);
        return Task.FromResult(new HealthCheckResult(status, lost.Length == 0 ? "Every server can be used." : string.Join(' ', lost), data: data));
    }

    // Without a slave nobody is asked. Of several hosts in one connection string one may be the master.
    private bool IsLost(Node node) => topology.StateOf(node) switch
    {
        NodeState.Up => false,
        NodeState.Unknown => topology.Slaves.Length > 0,
        NodeState.WrongRole => !(node is { IsOneOfSeveral: true, Server: { } server } && topology.Master.Server is { } master && server.IsSameServer(master)),
        _ => true,
    };

    private string Shown(Node node) => node.Role == DatabaseRole.Slave && node.Reading is not null
        ? string.Create(CultureInfo.InvariantCulture, $"{topology.StateOf(node)}, {node.Lag.TotalSeconds:0.0} s behind")
        : topology.StateOf(node).ToString();
}
