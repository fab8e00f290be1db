using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>A slave that takes every question and answers none: nothing breaks, so only who waits finds out.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(13)]
internal sealed class HangingSlaveTests(UnitOfWork unit)
{
    private int _workers;
    private int _completions;

    /// <summary>The provider asks a server to cancel what takes too long, and blocks a thread for each such question that hangs too.</summary>
    [SetUp]
    public void HaveThreadsToBlock()
    {
        ThreadPool.GetMinThreads(out _workers, out _completions);
        ThreadPool.SetMinThreads(100, _completions);
    }

    [TearDown]
    public void GiveThemBack() => ThreadPool.SetMinThreads(_workers, _completions);

    [Test]
    public async Task What_waits_for_a_slave_that_hangs_ends_by_its_timeout_and_nobody_joins_it_once_a_probe_has_waited_in_vain()
    {
        await using var cluster = await SharedCluster.StartWithSchema();
        var slave = cluster.Slaves[0];
        await using var wire = TcpProxy.Start(slave);
        await using var app = await LoadedApp.StartAsync(unit, cluster, connect: node => node == slave ? wire.Through(node.ConnectionString) : node.ConnectionString);
        await app.More(300);
        var hung = Moment.Now;
        wire.Hang();
        var down = await app.Nodes.Becomes(slave.Name, "Down", since: hung);
        await app.Visits.First(v => !v.IsOk);
        await app.More(300);
        var restored = Moment.Now;
        await wire.RestoreAsync();
        var back = await app.Visits.First(v => v.Began > restored && v.IsOk && v.Node == slave.Name);
        var visits = await app.Stop();
        var failed = visits.Failed();

        Account.Print("a slave that hangs", unit,
            $"{visits.Length} requests, {failed.Length} failed after {failed.Min(v => (v.Ended - v.Began).TotalSeconds):F1} to {failed.Max(v => (v.Ended - v.Began).TotalSeconds):F1} s of waiting "
            + $"(Command Timeout={LoadedApp.CommandTimeoutSeconds}, and Timeout={LoadedApp.TimeoutSeconds} for the provider's request to cancel), on {failed.Pids()}; Down {(down.At - hung).TotalMilliseconds:F0} ms after it hung; "
            + $"in use {(back.Opened - restored).TotalMilliseconds:F0} ms after it answered again");
        Assert.Multiple(() =>
        {
            Assert.That(failed, Is.Not.Empty, "The hang was to hit requests.");
            Assert.That(failed.Where(v => v.Node != slave.Name), Is.Empty, "failed elsewhere");
            Assert.That(failed.Where(v => v.Thrown?.GetBaseException() is not TimeoutException), Is.Empty, "ended by something else than their timeout");
            Assert.That(failed.Min(v => v.Ended), Is.GreaterThan(down.At), "It was a probe that found out, before a request's timeout did,");
            Assert.That(app.Nodes.FailedOpens(slave.Name).Where(m => m.At < down.At), Is.Empty, "or a connection's.");
            Assert.That(visits.Begun(down.At, restored).On(slave.Name), Is.Empty, "went to a node that was known to hang");
            Assert.That(app.Nodes.Changes(slave.Name).Select(m => m.State), Is.EqualTo(new[] { "Down", "Up" }));
        });
    }
}
