using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Replicated.NHibernate.Nodes;

/// <summary>What is known of the servers, without asking them.</summary>
internal sealed class ReplicatedHealthCheck(NodeRegistry registry) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        Node[] nodes = [registry.Master, .. registry.Slaves];
        string[] lost = [.. nodes.Where(IsLost).Select(n => $"{n.Name} is {registry.StateOf(n)}: {(registry.StateOf(n) == NodeState.Unknown ? "nobody could ask it" : n.Health.Why)}.")];
        var status = lost.Length == 0 ? HealthStatus.Healthy
            : registry.IsUsable(registry.Master) ? HealthStatus.Degraded
            : context.Registration.FailureStatus;
        var data = nodes.ToDictionary(n => n.Name, object (n) => Shown(n), StringComparer.Ordinal);
        return Task.FromResult(new HealthCheckResult(status, lost.Length == 0 ? "Every server can be used." : string.Join(' ', lost), data: data));
    }

    // Without a slave nobody is asked. Of several hosts in one connection string one may be the master.
    private bool IsLost(Node node) => registry.StateOf(node) switch
    {
        NodeState.Up => false,
        NodeState.Unknown => registry.Slaves.Length > 0,
        NodeState.WrongRole => !(node is { IsOneOfSeveral: true, Server: { } server } && registry.Master.Server is { } master && server.IsSameServer(master)),
        _ => true,
    };

    private string Shown(Node node) => node.Role == DatabaseRole.Slave && node.Reading is not null
        ? string.Create(CultureInfo.InvariantCulture, $"{registry.StateOf(node)}, {node.Lag.TotalSeconds:0.0} s behind")
        : registry.StateOf(node).ToString();
}
