using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Tokens of work without a request, which a job's message carries, and of scopes that a request begins beside its own.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(11)]
internal sealed class TokenOutsideRequestTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        _app = await _nodes.QuietApp(unit);
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [Test]
    public async Task A_scope_tells_the_token_of_its_last_commit_and_none_before_it()
    {
        await using var scope = _app.Sessions.BeginScope();
        var tokens = new List<ConsistencyToken?> { scope.Token };
        for (var i = 0; i < 2; i++)
        {
            await Insert();
            tokens.Add(scope.Token);
            await scope.CommitAsync();
            tokens.Add(scope.Token);
            Assert.That(_app.Sessions.CurrentToken, Is.EqualTo(scope.Token));
        }

        Assert.That((tokens[0], tokens[1]), Is.EqualTo(((ConsistencyToken?)null, (ConsistencyToken?)null)), "Nothing is committed yet.");
        Assert.That(tokens[3], Is.EqualTo(tokens[2]), "The second write is not committed yet.");
        Assert.That(tokens[4]!.Value.Position!.Value.Offset, Is.GreaterThan(tokens[2]!.Value.Position!.Value.Offset));
    }

    [Test]
    public async Task What_was_rolled_back_or_only_read_has_no_token([Values] bool writes)
    {
        await using var scope = _app.Sessions.BeginScope();
        await (writes ? Insert() : _app.Services.NewBoard().WhereAsync());
        await (writes ? scope.RollbackAsync() : scope.CommitAsync());
        Assert.That(scope.Token, Is.Null);
    }

    [Test]
    public async Task A_job_that_is_given_the_token_knows_whether_its_slave_has_the_write([Values] bool given)
    {
        var token = given ? await Written() : (ConsistencyToken?)null;
        await using var scope = _app.Sessions.BeginScope(DatabaseRole.Slave, Reread(token));
        var place = await _app.Services.NewBoard().WhereAsync();
        Assert.That((place.InRecovery, scope.Route.Reason), Is.EqualTo((true, given ? RouteReason.Stale : RouteReason.Scope)));
        Assert.That((scope.Token, _app.Sessions.CurrentToken), Is.EqualTo((token, token)));
    }

    [Test]
    public async Task A_token_does_not_move_work_off_the_master()
    {
        await using var scope = _app.Sessions.BeginScope(DatabaseRole.Master, await Written());
        Assert.That((await _app.Services.NewBoard().WhereAsync(), scope.Route.Reason), Is.EqualTo((_nodes.MasterPlace(), RouteReason.Scope)));
    }

    [Test]
    public async Task A_container_scope_tells_its_token_too()
    {
        await using var container = _app.Services.CreateAsyncScope();
        await container.ServiceProvider.NewBoard().ExecuteAsync(Sql());
        var scope = container.ServiceProvider.GetRequiredService<IReplicatedScope>();
        await scope.CommitAsync();
        Assert.That(scope.Token?.Position, Is.Not.Null);
    }

    [Test]
    public async Task Outside_any_scope_there_is_none()
    {
        await Written();
        Assert.That(_app.Sessions.CurrentToken, Is.Null);
    }

    [Test]
    public async Task A_request_answers_with_the_token_of_a_scope_that_it_began_beside_its_own([Values("BeginScope", "a container scope")] string kind)
    {
        ConsistencyToken? inner = null, current = null;
        var client = new TokenClient(_app);
        (await client.Get(async context =>
        {
            if (kind == "BeginScope")
            {
                await using var scope = _app.Sessions.BeginScope();
                await Insert();
                await scope.CommitAsync();
                inner = scope.Token;
            }
            else
            {
                await using var container = _app.Services.CreateAsyncScope();
                await container.ServiceProvider.NewBoard().ExecuteAsync(Sql());
                var scope = container.ServiceProvider.GetRequiredService<IReplicatedScope>();
                await scope.CommitAsync();
                inner = scope.Token;
            }

            current = _app.Sessions.CurrentToken;
        })).Ok();
        Assert.That(inner?.Position, Is.Not.Null);
        Assert.That((current, client.Token.Position), Is.EqualTo((inner, inner!.Value.Position)));
    }

    [Test]
    public async Task A_scope_within_a_tokened_request_reads_for_its_client()
    {
        var client = new TokenClient(_app);
        await client.Write();
        RouteReason? reason = null;
        (await client.Get(async _ =>
        {
            await using var scope = _app.Sessions.BeginScope(DatabaseRole.Slave);
            await _app.Services.NewBoard().WhereAsync();
            reason = scope.Route.Reason;
        })).Ok();
        Assert.That(reason, Is.EqualTo(RouteReason.Stale));
    }

    [Test]
    public async Task A_request_can_hand_on_what_its_client_has_seen_and_what_it_wrote_itself()
    {
        var client = new TokenClient(_app);
        await client.Write();
        ConsistencyToken? before = null, after = null;
        var brought = client.Token;
        await client.Post(async context =>
        {
            before = _app.Sessions.CurrentToken;
            await context.Board().ExecuteAsync(Sql());
            await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
            after = _app.Sessions.CurrentToken;
        });
        Assert.That(before, Is.EqualTo(brought));
        Assert.That(after?.Position, Is.EqualTo(client.Token.Position).And.Not.EqualTo(brought.Position), "The answer carries the later one.");
    }

    private static string Sql() => $"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')";

    // As a message would carry it.
    private static ConsistencyToken? Reread(ConsistencyToken? token) => token is { } written ? ConsistencyToken.Parse(written.ToString()) : null;

    private Task Insert() => _app.Services.NewBoard().ExecuteAsync(Sql());

    private async Task<ConsistencyToken?> Written()
    {
        await using var scope = _app.Sessions.BeginScope();
        await Insert();
        await scope.CommitAsync();
        return Reread(scope.Token);
    }
}
