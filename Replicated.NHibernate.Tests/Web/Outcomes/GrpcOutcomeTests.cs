using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>gRPC says by its own status how a call has ended; HTTP says 200 to all of them.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class GrpcOutcomeTests(UnitOfWork unit)
{
    private const string AlreadyExists = "6";
    private const string DeadlineExceeded = "4";
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await OutcomeApp.StartAsync(unit);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Call_that_ends_with_a_status_of_failure_is_rolled_back([Values("Add", "Stream")] string method, [Values("RpcException", "Status")] string how)
    {
        var id = Guid.NewGuid();
        Assert.That(await GrpcClient.Call(_app, method, $"{how} {id}"), Is.EqualTo(AlreadyExists));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task Deadline_that_ends_a_call_while_its_handler_works_rolls_back_and_leaves_the_session_to_the_handler([Values("Add", "Stream")] string method)
    {
        GrpcPosts.Ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        GrpcPosts.Returned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = Guid.NewGuid();
        Assert.That(await GrpcClient.Call(_app, method, $"Deadline {id}", timeout: "500m"), Is.EqualTo(DeadlineExceeded));
        await GrpcPosts.Returned.Task;
        Assert.That((GrpcPosts.Seen, await SharedCluster.IsOnMaster(id)), Is.EqualTo((1, false)), "The handler's transaction lasts as long as the handler.");
        Assert.That(_app.Log.Entries.Where(e => e.Message.Contains("could not be rolled back")), Is.Empty);
    }
}
