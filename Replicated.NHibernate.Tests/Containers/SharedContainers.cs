namespace Replicated.NHibernate.Tests.Containers;

/// <summary>One cluster for the tests of this folder, which give it back as they found it; ended after the last.</summary>
[SetUpFixture]
internal sealed class SharedContainers
{
    private static ContainerCluster? _cluster;

    public static ContainerCluster Cluster => _cluster!;

    [OneTimeSetUp]
    public static async Task Start() => _cluster = await ContainerCluster.StartAsync();

    [OneTimeTearDown]
    public static async Task Stop()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }
}
