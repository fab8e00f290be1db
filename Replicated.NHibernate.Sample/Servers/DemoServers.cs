using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Sample.Servers;

/// <summary>The servers that the sample started itself, which it may therefore kill; none where it works on servers that were there.</summary>
internal sealed class DemoServers(PostgresCluster? cluster)
{
    public bool AreOwn => cluster is not null;

    public PostgresNode? FindSlave(string name) => cluster?.Slaves.FirstOrDefault(slave => slave.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
