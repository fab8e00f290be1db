using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Web;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Hub invocations have no answer that could carry a cookie: they hand the token to their client, which hands it back.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class HubTokenTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        _app = await TestApp.StartAsync(
            unit,
            app => app.MapHub<PostsHub>("/posts"),
            _nodes.Cluster,
            build: builder => builder.AddFreshBoard().Services.AddSignalR(o => o.EnableDetailedErrors = true));
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [Test]
    public async Task An_invocation_knows_the_token_of_what_it_committed_and_another_reads_by_it()
    {
        await using var client = await HubClient.ConnectAsync(_app.Client.BaseAddress!, "posts");
        var tokens = await client.Invoke<string[]>("Add");
        Assert.That((tokens[0], ConsistencyToken.Parse(tokens[1]).Position is not null), Is.EqualTo(("", true)), "none before the commit");
        Assert.That(await client.Invoke<string[]>("ReadAfter", tokens[1]), Is.EqualTo(new[] { "True", "Stale" }));
    }

    [Test]
    public async Task An_invocation_begins_without_a_token_whatever_was_written_before_it()
    {
        await using var client = await HubClient.ConnectAsync(_app.Client.BaseAddress!, "posts");
        await client.Invoke<string[]>("Add");
        Assert.That(await client.Invoke<string[]>("Read"), Is.EqualTo(new[] { "True", "Attribute", "" }));
    }

    private sealed class PostsHub(IServiceProvider services, IReplicatedSessions sessions) : Hub
    {
        public async Task<string[]> Add()
        {
            await services.GetFreshBoard().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
            var before = $"{sessions.CurrentToken}";
            await services.GetRequiredService<IReplicatedScope>().CommitAsync();
            return [before, $"{sessions.CurrentToken}"];
        }

        public async Task<string[]> ReadAfter(string token)
        {
            await using var scope = sessions.BeginScope(DatabaseRole.Slave, ConsistencyToken.Parse(token));
            var place = await services.GetFreshBoard().WhereAsync();
            return [$"{place.InRecovery}", $"{scope.Route.Reason}"];
        }

        [UseSlave]
        public async Task<string[]> Read()
        {
            var place = await services.GetFreshBoard().WhereAsync();
            return [$"{place.InRecovery}", $"{sessions.CurrentRoute!.Reason}", $"{sessions.CurrentToken}"];
        }
    }
}
