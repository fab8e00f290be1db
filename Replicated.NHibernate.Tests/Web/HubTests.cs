using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Hubs: each invocation has a scope, which its method's attribute, then the hub's, then the endpoint's convention decides.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class HubTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app =>
        {
            app.MapHub<PlainHub>("/plain");
            app.MapHub<PlainHub>("/plain-on-slave").UseSlave();
            app.MapHub<SlaveHub>("/slave");
            app.MapHub<InjectedHub>("/injected");
        },
        build: builder => builder.Services.AddSignalR(o => o.EnableDetailedErrors = true));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("plain", "WhereConnected", false, Description = "OnConnectedAsync")]
    [TestCase("slave", "WhereConnected", true, Description = "OnConnectedAsync of a hub with an attribute")]
    [TestCase("plain-on-slave", "WhereConnected", true, Description = "OnConnectedAsync of an endpoint with a convention")]
    [TestCase("plain", "Where", false, Description = "a hub has no verb")]
    [TestCase("plain", "OnSlave", true, Description = "the method's attribute")]
    [TestCase("plain-on-slave", "Where", true, Description = "the endpoint's convention")]
    [TestCase("plain-on-slave", "OnMaster", false, Description = "the method over the convention")]
    [TestCase("slave", "Where", true, Description = "the hub's attribute")]
    [TestCase("slave", "OnMaster", false, Description = "the method over the hub")]
    [TestCase("injected", "Where", false, Description = "a session in the hub's constructor")]
    [Promise(2), Promise(3)]
    public async Task The_most_specific_attribute_decides(string hub, string method, bool onSlave)
    {
        await using var client = await Connect(hub);
        Assert.That((await client.Invoke<Place>(method)).InRecovery, Is.EqualTo(onSlave));
    }

    [Test, Promise(3)]
    public async Task A_session_in_the_hubs_constructor_is_told_that_it_cannot_be_on_the_slave_its_method_asks_for()
    {
        await using var client = await Connect("injected");
        Assert.That(await client.Fail("OnSlave"), Does.Contain("InjectedHub.OnSlave").And.Contain("constructor"));
    }

    [Test, Promise(9)]
    public async Task An_invocation_commits_when_its_method_has_returned()
    {
        var id = Guid.NewGuid();
        await using var client = await Connect("plain");
        await client.Invoke<bool>("Add", id);
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test, Promise(9)]
    public async Task An_invocation_rolls_back_when_its_method_throws_and_the_next_one_works()
    {
        var id = Guid.NewGuid();
        await using var client = await Connect("plain");
        Assert.That(await client.Fail("AddAndThrow", id), Does.Contain("on purpose"));
        Assert.That(await client.Invoke<bool>("Has", id), Is.False);
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test, Promise(9)]
    public async Task A_streaming_method_works_in_its_invocations_scope_until_the_stream_ends([Values("AddWhileStreaming", "AddToChannel")] string method)
    {
        var id = Guid.NewGuid();
        await using var client = await Connect("plain");
        var items = await client.Stream<bool>(method, id);
        Assert.That(items, Is.EqualTo(new[] { false, true }));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    private Task<HubClient> Connect(string hub) => HubClient.ConnectAsync(_app.Client.BaseAddress!, hub);

    private class PlainHub(IServiceProvider services) : Hub
    {
        protected IBoard Board => services.GetRequiredService<IBoard>();

        public override async Task OnConnectedAsync() => Context.Items["place"] = await Board.WhereAsync();

        public Place WhereConnected() => (Place)Context.Items["place"]!;

        public Task<Place> Where() => Board.WhereAsync();

        [UseSlave]
        public Task<Place> OnSlave() => Board.WhereAsync();

        [UseMaster]
        public Task<Place> OnMaster() => Board.WhereAsync();

        public async Task<bool> Add(Guid id)
        {
            await Board.AddAsync(id);
            return true;
        }

        public async Task AddAndThrow(Guid id)
        {
            await Board.AddAsync(id);
            await Board.WhereAsync();
            throw new HubException("on purpose");
        }

        public Task<bool> Has(Guid id) => Board.HasAsync(id);

        public async IAsyncEnumerable<bool> AddWhileStreaming(Guid id, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var board = Board;
            cancellationToken.ThrowIfCancellationRequested();
            yield return await board.HasAsync(id);
            await board.AddAsync(id);
            yield return await services.GetRequiredService<IBoard>().HasAsync(id);
        }

        public ChannelReader<bool> AddToChannel(Guid id)
        {
            var channel = Channel.CreateBounded<bool>(1);
            var board = Board;
            _ = Task.Run(async () =>
            {
                await channel.Writer.WriteAsync(await board.HasAsync(id));
                await board.AddAsync(id);
                await channel.Writer.WriteAsync(await board.HasAsync(id));
                channel.Writer.Complete();
            });
            return channel.Reader;
        }
    }

    [UseSlave]
    private sealed class SlaveHub(IServiceProvider services) : PlainHub(services);

    private sealed class InjectedHub(IBoard board) : Hub
    {
        public Task<Place> Where() => board.WhereAsync();

        [UseSlave]
        public Task<Place> OnSlave() => board.WhereAsync();
    }
}
