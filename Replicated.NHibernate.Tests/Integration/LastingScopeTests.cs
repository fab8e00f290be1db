using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A container scope without a request may last as long as a hosted service: while it only reads it holds nothing on the master.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(11)]
internal sealed class LastingScopeTests(UnitOfWork unit)
{
    private readonly string _name = Guid.NewGuid().ToString();
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit, settings: new()
    {
        ["ConnectionStrings:Master"] = $"{SharedCluster.Master.ConnectionString};Application Name={_name}",
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    private Task<long> InTransaction() =>
        SharedCluster.Ask<long>(SharedCluster.Master, $"select count(*) from pg_stat_activity where application_name = '{_name}' and state like 'idle in transaction%'");

    private int InUse => _app.Services.GetRequiredService<NodePool>().Master.InUse;

    [Test]
    public async Task While_it_only_reads_it_holds_no_transaction_and_no_connection()
    {
        await using var container = _app.Services.CreateAsyncScope();
        var board = container.ServiceProvider.NewBoard();
        for (var i = 0; i < 3; i++)
        {
            Assert.That((await board.WhereAsync()).InRecovery, Is.False);
            await board.HasAsync(Guid.NewGuid());
            Assert.That((await InTransaction(), InUse), Is.EqualTo((0L, 0)));
        }
    }

    [Test]
    public async Task Its_writes_are_one_transaction_that_begins_with_the_first_of_them([Values] bool byStatement, [Values] bool commits)
    {
        var ids = new[] { Guid.NewGuid(), Guid.NewGuid() };
        await using (var container = _app.Services.CreateAsyncScope())
        {
            var board = container.ServiceProvider.NewBoard();
            await board.WhereAsync();
            foreach (var id in ids)
            {
                await (byStatement ? board.ExecuteAsync($"insert into post (id, title) values ('{id}', 'lasting')") : board.AddAsync(id));
            }

            if (byStatement)
            {
                Assert.That(await board.ScalarAsync($"select count(*) from post where id in ('{ids[0]}', '{ids[1]}')"), Is.EqualTo(2));
                Assert.That((await SharedCluster.IsOnMaster(ids[0]), InUse), Is.EqualTo((false, 1)));
            }

            if (commits)
            {
                await container.ServiceProvider.GetRequiredService<IReplicatedScope>().CommitAsync();
            }
        }

        Assert.That((await SharedCluster.IsOnMaster(ids[0]), await SharedCluster.IsOnMaster(ids[1])), Is.EqualTo((commits, commits)));
        Assert.That(InUse, Is.Zero);
    }

    [Test]
    public async Task A_function_that_may_write_is_in_the_transaction()
    {
        await SharedCluster.Execute(SharedCluster.Master, "create or replace function lasting(id uuid) returns int language sql as $$ insert into post (id, title) values (id, 'lasting') returning 1 $$");
        var id = Guid.NewGuid();
        await using (var container = _app.Services.CreateAsyncScope())
        {
            await container.ServiceProvider.NewBoard().ScalarAsync($"select lasting('{id}')");
        }

        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task It_goes_on_after_its_connection_was_lost_and_commits_what_it_writes_then()
    {
        var id = Guid.NewGuid();
        await using var container = _app.Services.CreateAsyncScope();
        var board = container.ServiceProvider.NewBoard();
        await board.WhereAsync();
        await SharedCluster.Execute(SharedCluster.Master, $"select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{_name}'");
        var failed = 0;
        for (var i = 0; i < 3; i++)
        {
            try
            {
                await board.WhereAsync();
            }
            catch (Exception)
            {
                failed++;
            }
        }

        Assert.That(failed, Is.LessThanOrEqualTo(1), "the statement that finds the dead connection in the pool, as with plain NHibernate");
        await board.AddAsync(id);
        await container.ServiceProvider.GetRequiredService<IReplicatedScope>().CommitAsync();
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }
}
