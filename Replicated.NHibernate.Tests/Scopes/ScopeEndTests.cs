using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Scopes;

/// <summary>However a scope ends, every connection goes back. No database.</summary>
[Promise(9), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ScopeEndTests : IDisposable
{
    private readonly FakeScopes _fake = new();

    public void Dispose() => _fake.Dispose();

    [Test]
    public async Task A_connection_that_opens_while_its_scope_ends_goes_back([Values] DatabaseRole role)
    {
        var opening = new TaskCompletionSource();
        _fake.Servers.Opening = _ => opening.Task;
        var scope = _fake.Sessions.BeginScope(role);
        var connecting = FakeScopes.Connection().Connect(async: true, CancellationToken.None).AsTask();
        await scope.DisposeAsync();
        opening.SetResult();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => connecting);
        Assert.That((_fake.Pool.Master.InUse, _fake.Pool.Slaves[0].InUse, _fake.Servers.Open), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public async Task A_unit_that_fails_to_end_keeps_no_connection([Values] DatabaseRole role)
    {
        var ended = false;
        var scope = _fake.Sessions.BeginScope(role);
        var failing = FakeScopes.Connection(new FakeScopes.Unit(() => throw new InvalidOperationException("on purpose")));
        await failing.Connect(async: true, CancellationToken.None);
        using (role == DatabaseRole.Master ? _fake.Sessions.UseSlave() : _fake.Sessions.UseMaster())
        {
            await FakeScopes.Connection(new FakeScopes.Unit(() => ended = true)).Connect(async: true, CancellationToken.None);
        }

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(async () => await scope.DisposeAsync());
        Assert.That((thrown!.Message, ended), Is.EqualTo(("on purpose", true)));
        Assert.That((_fake.Pool.Master.InUse, _fake.Pool.Slaves[0].InUse, _fake.Servers.Open), Is.EqualTo((0, 0, 0)));
        Assert.That(AmbientScope.Current?.Scope, Is.Null);
    }

    [Test]
    public async Task Nothing_is_opened_that_nobody_asked_for([Values] DatabaseRole role)
    {
        await using (var scope = _fake.Sessions.BeginScope(role))
        {
            FakeScopes.Connection();
            using (_fake.Sessions.UseSlave())
            {
                FakeScopes.Connection();
            }

            await scope.CommitAsync();
            Assert.That((scope.Route.Node, _fake.Servers.Opened), Is.EqualTo(((string?)null, 0)));
        }
    }
}
