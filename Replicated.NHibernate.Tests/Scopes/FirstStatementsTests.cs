using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Scopes;

/// <summary>Two statements of one role that both find no connection yet. No database.</summary>
[Promise(9), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FirstStatementsTests : IDisposable
{
    private readonly FakeScopes _fake = new();

    public void Dispose() => _fake.Dispose();

    [Test]
    public async Task Second_of_two_first_statements_is_refused_and_no_connection_is_lost([Values] DatabaseRole role, [Values] bool fallsBack)
    {
        if (fallsBack)
        {
            _fake.Servers.Fails("s0");
        }

        var opening = new TaskCompletionSource();
        _fake.Servers.Opening = _ => opening.Task;
        await using (_fake.Sessions.BeginScope(role))
        {
            var connection = FakeScopes.Connection();
            var first = connection.Connect(async: true, CancellationToken.None).AsTask();
            Assert.That(
                () => connection.Connect(async: true, CancellationToken.None).AsTask(),
                Throws.InvalidOperationException.With.Message.Contain("one statement at a time").And.Message.Contain("BeginScope"));
            opening.SetResult();
            if (fallsBack && role == DatabaseRole.Slave)
            {
                await Assert.CatchAsync<SlavesUnavailableException>(() => first);
            }
            else
            {
                Assert.That(await connection.Connect(async: true, CancellationToken.None), Is.SameAs(await first));
            }

            Assert.That((_fake.Pool.Master.InUse + _fake.Pool.Slaves[0].InUse, _fake.Servers.Open), Is.EqualTo(fallsBack && role == DatabaseRole.Slave ? (0, 0) : (1, 1)));
        }

        Assert.That((_fake.Pool.Master.InUse, _fake.Pool.Slaves[0].InUse, _fake.Servers.Open), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public async Task Statement_after_a_failed_opening_tries_again()
    {
        _fake.Servers.Fails("master");
        await using var scope = _fake.Sessions.BeginScope(DatabaseRole.Master);
        var connection = FakeScopes.Connection();
        await Assert.CatchAsync<MasterUnavailableException>(() => connection.Connect(async: true, CancellationToken.None).AsTask());
        _fake.Servers.Down.Clear();
        await connection.Connect(async: true, CancellationToken.None);
        Assert.That(_fake.Pool.Master.InUse, Is.EqualTo(1));
    }
}
