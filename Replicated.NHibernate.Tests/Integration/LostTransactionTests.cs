using System.Net;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A connection that breaks takes its transaction with it; what follows must not run beside it.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(6), Promise(9)]
internal sealed class LostTransactionTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task After_a_swallowed_loss_of_the_connection_nothing_is_committed_and_nothing_runs_outside_the_transaction()
    {
        var (first, second) = (Guid.NewGuid(), Guid.NewGuid());
        var reply = await _app.Post(async context =>
        {
            await Insert(context.Board(), first);
            await Swallowed(() => context.Board().ExecuteAsync("select pg_terminate_backend(pg_backend_pid())"));
            await Swallowed(() => Insert(context.Board(), second));
        });

        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That((await SharedCluster.IsOnMaster(first), await SharedCluster.IsOnMaster(second)), Is.EqualTo((false, false)));
    }

    [Test]
    public async Task A_loss_that_nobody_met_is_a_failed_commit()
    {
        var id = Guid.NewGuid();
        var reply = await _app.Post(async context =>
        {
            await Insert(context.Board(), id);
            var backend = await context.Board().ScalarAsync("select pg_backend_pid()");
            await SharedCluster.Ask<bool>(SharedCluster.Master, $"select pg_terminate_backend({backend}, 5000)");
        });

        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    private static Task Insert(IBoard board, Guid id) => board.ExecuteAsync($"insert into post (id, title) values ('{id}', 'a post')");

    private static async Task Swallowed(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception)
        {
            // As an application may.
        }
    }
}
