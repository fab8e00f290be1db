using System.Globalization;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Networks;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;
using Testcontainers.PostgreSql;

namespace Replicated.NHibernate.Tests.Containers;

/// <summary>A primary and its streaming replicas from the official image, set up by the scripts that compose.yaml uses. Disposed, nothing of it is left.</summary>
internal sealed class ContainerCluster : IAsyncDisposable
{
    /// <summary>Names another image of PostgreSQL 14 or later.</summary>
    public const string ImageVariable = "REPLICATED_PG_IMAGE";

    private const string Primary = "primary";
    private const int FirstPort = 5432;
    private static readonly string[] Slots = ["replica_1", "replica_2"];

    private readonly string _password = Guid.NewGuid().ToString("N");
    private readonly INetwork _network;

    private ContainerCluster()
    {
        _network = new NetworkBuilder().Build();
        Master = NewNode("master", FirstPort, builder => builder
            .WithNetworkAliases(Primary)
            .WithEnvironment("REPLICAS", string.Join(' ', Slots))
            .WithResourceMapping(Script("primary.sh"), FilePath.Of("/docker-entrypoint-initdb.d/primary.sh")));
        Slaves = [.. Slots.Select((slot, i) => NewNode($"slave-{i + 1}", FirstPort + 1 + i, builder => builder
            .WithEnvironment("PRIMARY_HOST", Primary)
            .WithEnvironment("REPLICA", slot)
            .WithResourceMapping(Script("replica.sh"), FilePath.Of("/replica.sh"))
            .WithEntrypoint("bash", "/replica.sh")))];
    }

    public static string Image => Environment.GetEnvironmentVariable(ImageVariable) is { Length: > 0 } named ? named : "postgres:17";

    public ContainerNode Master { get; }

    /// <summary>slave-1 and slave-2.</summary>
    public IReadOnlyList<ContainerNode> Slaves { get; }

    /// <summary>With the tests' tables on every node; skips the test where no container engine answers.</summary>
    public static async Task<ContainerCluster> StartAsync()
    {
        ContainerCluster cluster;
        try
        {
            cluster = new ContainerCluster();
        }
        catch (DockerUnavailableException none)
        {
            var why = string.Join(' ', none.Message.Split('\n', StringSplitOptions.TrimEntries).Where(line => line.Contains("://") && line.Contains("endpoint")).Distinct());
            Assert.Ignore($"No container engine answers: start Docker, or let DOCKER_HOST lead to one; for an engine older than 25 set DOCKER_API_VERSION=1.41 too. {why}");
            throw;
        }

        try
        {
            await cluster._network.CreateAsync();
            await cluster.Master.StartAsync();
            await Task.WhenAll(cluster.Slaves.Select(s => s.StartAsync()));
            await cluster.Master.Ask<string>($"{Sql.Schema} select 'done'");
            await Task.WhenAll(cluster.Slaves.Select(s => s.WaitUntilLikeAsync(cluster.Master)));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>An application on these servers, that asks them often; with round robin, so that it is known that both slaves have their turn.</summary>
    public Task<WorkApp> App(string? master = null) => WorkApp.StartAsync(
        UnitOfWork.All.First(),
        settings: new()
        {
            ["ConnectionStrings:Master"] = master ?? Master.ConnectionString,
            ["ConnectionStrings:Slave"] = Slaves[0].ConnectionString,
            ["Replicated:Slaves:0:Name"] = Slaves[1].Name,
            ["Replicated:Slaves:0:ConnectionString"] = Slaves[1].ConnectionString,
            ["Replicated:LoadBalancing"] = "RoundRobin",
            ["Replicated:Probe:Interval"] = "00:00:00.2",
        },
        slaves: 0);

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await Task.WhenAll(Slaves.Prepend(Master).Select(n => n.RemoveAsync().AsTask()));
        await _network.DisposeAsync();
    }

    private static FilePath Script(string name) => FilePath.Of(SourceTree.PathOf("docker", name));

    private ContainerNode NewNode(string name, int inside, Func<PostgreSqlBuilder, PostgreSqlBuilder> more)
    {
        var (port, published) = (inside.ToString(CultureInfo.InvariantCulture), FreePort.Next());
        var builder = new PostgreSqlBuilder(Image)
            .WithNetwork(_network)
            .WithPassword(_password)
            .WithEnvironment("REPLICATION_PASSWORD", _password)
            // For the server as for its programs, the wait for it included.
            .WithEnvironment("PGPORT", port)
            .WithPortBinding(published, inside)
            .WithCreateParameterModifier(OnLoopbackOnly);
        return new ContainerNode(name, more(builder).Build(), inside, published, _password);
    }

    private static void OnLoopbackOnly(CreateContainerParameters parameters)
    {
        foreach (var binding in parameters.HostConfig!.PortBindings!.Values.SelectMany(b => b))
        {
            binding.HostIP = "127.0.0.1";
        }
    }
}
