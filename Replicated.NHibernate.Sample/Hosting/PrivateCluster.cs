using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>Servers of the sample's own, where its configuration names none.</summary>
internal static class PrivateCluster
{
    public static async Task<PostgresCluster?> StartUnlessConfiguredAsync(ConfigurationManager configuration, CancellationToken cancellationToken)
    {
        if (configuration.Database() != Database.PostgreSql || configuration.GetSection("ConnectionStrings").GetChildren().Any(entry => !string.IsNullOrWhiteSpace(entry.Value))
            || configuration.GetSection("Replicated:Slaves").GetChildren().Any())
        {
            return null;
        }

        Console.WriteLine("No connection strings are configured: starting a private PostgreSQL master with two slaves.");
        var cluster = await PostgresCluster.StartAsync(slaves: 2, cancellationToken);
        foreach (var node in cluster.Slaves.Prepend(cluster.Master))
        {
            Console.WriteLine($"  {node.Name,-8} 127.0.0.1:{node.Port}, process {node.ProcessId}");
        }

        Console.WriteLine($"  in {cluster.Folder}, gone when this program ends");
        configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = cluster.Master.ConnectionString,
            ["ConnectionStrings:Slave"] = cluster.Slaves[0].ConnectionString,
            ["Replicated:Slaves:0:Name"] = cluster.Slaves[1].Name,
            ["Replicated:Slaves:0:ConnectionString"] = cluster.Slaves[1].ConnectionString,
        });
        return cluster;
    }
}
