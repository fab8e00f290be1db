using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Consoles, jobs and hosted services: a container without a request, with or without a host.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(11)]
internal sealed class OutsideHttpTests(UnitOfWork unit)
{
    private const int RolledBack = 5;
    private RecordedLog _log = null!;
    private ServiceProvider _console = null!;

    [SetUp]
    public void Build()
    {
        _log = new RecordedLog();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(TestApp.Settings(SharedCluster.Cluster)).Build());
        services.AddLogging(logging => logging.AddProvider(_log));
        unit.Register(services);
        services.AddBoardType();
        _console = services.BuildServiceProvider(new ServiceProviderOptions { ValidateScopes = true });
    }

    [TearDown]
    public async Task Dispose() => await _console.DisposeAsync();

    [Test]
    public async Task A_console_begins_a_scope()
    {
        var id = Guid.NewGuid();
        await using (var container = _console.CreateAsyncScope())
        {
            await using var scope = _console.GetRequiredService<IReplicatedSessions>().BeginScope();
            await container.ServiceProvider.GetRequiredService<IBoard>().AddAsync(id);
            await scope.CommitAsync();
        }

        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
        Assert.That(_log.Messages(RolledBack), Is.Empty);
    }

    [Test]
    public async Task A_container_scope_has_a_scope_of_its_own_on_the_master()
    {
        var id = Guid.NewGuid();
        Place place;
        Route route;
        await using (var container = _console.CreateAsyncScope())
        {
            var board = container.ServiceProvider.GetRequiredService<IBoard>();
            place = await board.WhereAsync();
            await board.AddAsync(id);
            var scope = container.ServiceProvider.GetRequiredService<IReplicatedScope>();
            await scope.CommitAsync();
            route = scope.Route;
        }

        Assert.That(place, Is.EqualTo(new Place(SharedCluster.Master.Port, InRecovery: false)));
        Assert.That(route, Is.EqualTo(new Route(DatabaseRole.Master, RouteReason.Scope, "master")));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
        Assert.That(_log.Messages(RolledBack), Is.Empty);
    }

    [Test]
    public async Task What_a_container_scope_did_not_commit_is_rolled_back_with_a_warning([Values] bool synchronously, [Values] bool executed)
    {
        var id = Guid.NewGuid();
        var container = _console.CreateAsyncScope();
        var board = container.ServiceProvider.GetRequiredService<IBoard>();
        await (executed ? board.ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')") : board.AddAsync(id));
        if (synchronously)
        {
            ((IDisposable)container).Dispose();
        }
        else
        {
            await container.DisposeAsync();
        }

        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
        Assert.That(_log.Messages(RolledBack).Single(), Does.Contain("A container scope without a request").And.Contain("CommitAsync()"));
    }

    [Test]
    public async Task Two_container_scopes_have_two_transactions()
    {
        var (kept, lost) = (Guid.NewGuid(), Guid.NewGuid());
        await using (var one = _console.CreateAsyncScope())
        await using (var other = _console.CreateAsyncScope())
        {
            await one.ServiceProvider.GetRequiredService<IBoard>().ExecuteAsync($"insert into post (id, title) values ('{kept}', 'a post')");
            await other.ServiceProvider.GetRequiredService<IBoard>().ExecuteAsync($"insert into post (id, title) values ('{lost}', 'never')");
            await one.ServiceProvider.GetRequiredService<IReplicatedScope>().CommitAsync();
        }

        Assert.That((await SharedCluster.IsOnMaster(kept), await SharedCluster.IsOnMaster(lost)), Is.EqualTo((true, false)));
    }

    [Test]
    public async Task A_container_scope_that_asked_for_nothing_opens_nothing([Values] bool asked)
    {
        await using (var container = _console.CreateAsyncScope())
        {
            if (asked)
            {
                container.ServiceProvider.GetRequiredService<IBoard>();
            }
        }

        Assert.That(_log.Messages(1), Is.Empty, "No route was taken.");
    }

    [Test, Promise(12)]
    public async Task A_job_that_writes_on_a_slave_is_told_of_no_attribute()
    {
        await using var container = _console.CreateAsyncScope();
        await using var scope = _console.GetRequiredService<IReplicatedSessions>().BeginScope(DatabaseRole.Slave);
        Assert.That(
            () => container.ServiceProvider.GetRequiredService<IBoard>().ExecuteAsync("insert into post (id, title) values (gen_random_uuid(), 'never')"),
            Throws.InstanceOf<SlaveWriteException>().With.Message.Contains("BeginScope(DatabaseRole.Master)").And.Message.Not.Contains("[UseMaster]"));
    }

    [Test]
    public async Task A_hosted_service_works_in_scopes()
    {
        var job = new Job();
        await using var app = await WorkApp.StartAsync(unit, build: builder =>
        {
            builder.Services.AddSingleton(job);
            builder.Services.AddHostedService<JobRunner>();
        });
        var place = await job.Done.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(place.InRecovery, Is.True);
        Assert.That((await SharedCluster.IsOnMaster(job.ByScope), await SharedCluster.IsOnMaster(job.ByContainer)), Is.EqualTo((true, true)));
    }

    private sealed class Job
    {
        public Guid ByScope { get; } = Guid.NewGuid();

        public Guid ByContainer { get; } = Guid.NewGuid();

        public TaskCompletionSource<Place> Done { get; } = new();
    }

    private sealed class JobRunner(Job job, IServiceScopeFactory scopes, IReplicatedSessions sessions) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            try
            {
                await using (var container = scopes.CreateAsyncScope())
                await using (var scope = sessions.BeginScope(DatabaseRole.Master))
                {
                    await container.ServiceProvider.NewBoard().AddAsync(job.ByScope);
                    await scope.CommitAsync(stoppingToken);
                }

                await using (var container = scopes.CreateAsyncScope())
                {
                    await container.ServiceProvider.GetRequiredService<IBoard>().AddAsync(job.ByContainer);
                    await container.ServiceProvider.GetRequiredService<IReplicatedScope>().CommitAsync(stoppingToken);
                }

                await using (var container = scopes.CreateAsyncScope())
                await using (sessions.BeginScope(DatabaseRole.Slave))
                {
                    job.Done.SetResult(await container.ServiceProvider.NewBoard().WhereAsync());
                }
            }
            catch (Exception e)
            {
                job.Done.TrySetException(e);
            }
        }
    }
}
