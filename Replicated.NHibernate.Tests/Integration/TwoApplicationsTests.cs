using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Two applications in one process, each with its own master and slaves.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class TwoApplicationsTests(UnitOfWork unit)
{
    private OwnNodes _otherNodes = null!;
    private WorkApp _app = null!;
    private WorkApp _other = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _otherNodes = await OwnNodes.StartAsync();
        _app = await WorkApp.StartAsync(unit);
        _other = await _otherNodes.App(unit);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _other.DisposeAsync();
        await _otherNodes.DisposeAsync();
    }

    [Test]
    public async Task Work_of_one_application_inside_a_scope_of_the_other_is_in_its_own_database([Values] bool inRequest)
    {
        var ports = new List<int>();
        async Task Work()
        {
            await using var inner = _other.Sessions.BeginScope();
            ports.Add((await _other.Services.NewBoard().WhereAsync()).Port);
            ports.Add((await _app.Services.NewBoard().WhereAsync()).Port);
        }

        await using (var outer = _app.Sessions.BeginScope())
        {
            await Work();
            ports.Add((await _app.Services.NewBoard().WhereAsync()).Port);
        }

        if (inRequest)
        {
            ports.Clear();
            (await _app.Post(async context =>
            {
                await using (_other.Sessions.BeginScope())
                {
                    ports.Add((await _other.Services.NewBoard().WhereAsync()).Port);
                    ports.Add((await context.Board().WhereAsync()).Port);
                }

                ports.Add((await context.Board().WhereAsync()).Port);
            })).Ok();
        }

        Assert.That(ports, Is.EqualTo(new[] { _otherNodes.Master.Port, SharedCluster.Master.Port, SharedCluster.Master.Port }));
    }

    [Test]
    public async Task A_scope_of_one_application_is_none_for_the_other()
    {
        await using var outer = _app.Sessions.BeginScope();
        Assert.That((_other.Sessions.CurrentRoute, _app.Sessions.CurrentRoute is null), Is.EqualTo(((Route?)null, false)));
        Assert.That(() => _other.Sessions.UseSlave(), Throws.InvalidOperationException.With.Message.Contains("There is no scope here"));
        await using var container = _other.Services.CreateAsyncScope();
        Assert.That((await container.ServiceProvider.NewBoard().WhereAsync()).Port, Is.EqualTo(_otherNodes.Master.Port));
    }

    [Test]
    public async Task Side_by_side_each_finds_its_own()
    {
        var wrong = 0;
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            var (outer, inner) = i % 2 == 0 ? (_app, _other) : (_other, _app);
            var (outerPort, innerPort) = i % 2 == 0 ? (SharedCluster.Master.Port, _otherNodes.Master.Port) : (_otherNodes.Master.Port, SharedCluster.Master.Port);
            await using var one = outer.Sessions.BeginScope();
            await using var another = inner.Sessions.BeginScope();
            for (var n = 0; n < 5; n++)
            {
                if ((await inner.Services.NewBoard().WhereAsync()).Port != innerPort || (await outer.Services.NewBoard().WhereAsync()).Port != outerPort)
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        }));
        Assert.That(wrong, Is.Zero);
    }
}
