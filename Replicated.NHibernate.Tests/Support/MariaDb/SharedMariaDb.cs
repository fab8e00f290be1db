using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests;

/// <summary>A primary and two replicas for all tests that leave the servers alone. Started by the first test that asks, ended after the last.</summary>
[SetUpFixture]
internal sealed class SharedMariaDb
{
    private static readonly Lazy<MariaDbCluster> Shared = new(() => MariaDbCluster.StartAsync(MariaDbBoard.Schema).GetAwaiter().GetResult());

    public static MariaDbCluster Cluster
    {
        get
        {
            // Said again to each test that asks.
            MariaDbBinaries.Require();
            return Shared.Value;
        }
    }

    [OneTimeTearDown]
    public static async Task Stop()
    {
        if (Shared.IsValueCreated)
        {
            await Shared.Value.DisposeAsync();
        }
    }
}
