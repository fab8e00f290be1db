using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>An explicit wish for a slave where the request's slave session reads from the master already.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(3)]
internal sealed class SlaveAfterFallbackTests(UnitOfWork unit)
{
    // Nobody listens there.
    private const string Nowhere = "Host=127.0.0.1;Port=1;Username=postgres;Timeout=2";

    [Test]
    public async Task Asking_for_a_slave_after_a_fallback_is_an_error_and_reads_nothing_from_the_master()
    {
        await using var app = await WorkApp.StartAsync(unit, settings: new() { ["ConnectionStrings:Slave"] = Nowhere }, slaves: 0);
        var (before, after) = (new Place(0, InRecovery: true), (Place?)null);
        var reply = await app.Get(async context =>
        {
            before = await context.Board().WhereAsync();
            using (app.Sessions.UseSlave())
            {
                after = await context.Board().WhereAsync();
            }
        });
        Assert.That((before.InRecovery, after), Is.EqualTo((false, (Place?)null)));
        Assert.That(reply.Thrown, Is.InstanceOf<SlavesUnavailableException>().With.Message.Contains("already reads from the master"));
    }
}
