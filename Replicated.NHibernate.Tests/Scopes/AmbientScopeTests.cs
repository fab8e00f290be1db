using System.Runtime.CompilerServices;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Scopes;

/// <summary>What flows with the execution context, and that nothing of it stays. No database.</summary>
[Promise(9), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class AmbientScopeTests : IDisposable
{
    private readonly FakeScopes _fake = new();

    private IReplicatedSessions Sessions => _fake.Sessions;

    public void Dispose() => _fake.Dispose();

    [Test]
    public async Task A_scope_is_current_in_what_its_method_calls_and_awaits()
    {
        await using var scope = Sessions.BeginScope();
        await Task.Yield();
        var inTask = await Task.Run(() => AmbientScope.Current?.Scope);
        Assert.That((AmbientScope.Current?.Scope, inTask), Is.EqualTo((scope, scope)));
    }

    [Test]
    public async Task A_scope_of_an_async_method_is_not_its_callers()
    {
        async Task<IReplicatedScope> Begin()
        {
            await Task.Yield();
            return Sessions.BeginScope();
        }

        await using var scope = await Begin();
        Assert.That(AmbientScope.Current, Is.Null);
    }

    [Test]
    public async Task Scopes_nest_and_each_gives_the_former_back([Values] bool synchronously)
    {
        var outer = Sessions.BeginScope();
        var block = Sessions.UseSlave();
        var inner = Sessions.BeginScope();
        var inInner = (AmbientScope.Current?.Scope, AmbientScope.Current?.Block);
        // Here and not in a helper: an async method cannot give its caller anything back.
        if (synchronously)
        {
            inner.Dispose();
        }
        else
        {
            await inner.DisposeAsync();
        }

        var inBlock = (AmbientScope.Current?.Scope, AmbientScope.Current?.Block);
        block.Dispose();
        var inOuter = (AmbientScope.Current?.Scope, AmbientScope.Current?.Block);
        await outer.DisposeAsync();
        Assert.Multiple(() =>
        {
            Assert.That(inInner, Is.EqualTo(((Scope)inner, (DatabaseRole?)null)), "A new scope begins outside the former one's blocks.");
            Assert.That(inBlock, Is.EqualTo(((Scope)outer, (DatabaseRole?)DatabaseRole.Slave)));
            Assert.That(inOuter, Is.EqualTo(((Scope)outer, (DatabaseRole?)null)));
            Assert.That(AmbientScope.Current, Is.Null);
        });
    }

    [Test]
    public async Task A_scope_that_was_disposed_elsewhere_is_gone_here_too()
    {
        var scope = Sessions.BeginScope();
        await Task.Run(async () => await scope.DisposeAsync());
        Assert.That(AmbientScope.Current?.Scope, Is.Null);
        var thrown = Assert.Throws<ObjectDisposedException>(() => Sessions.UseMaster());
        Assert.That(thrown!.Message, Does.StartWith("A scope begun by BeginScope has ended"));
    }

    [Test]
    public void A_block_that_outlives_its_scope_brings_nothing_back()
    {
        var scope = Sessions.BeginScope();
        var block = Sessions.UseSlave();
        scope.Dispose();
        block.Dispose();
        Assert.That(AmbientScope.Current?.Scope, Is.Null);
        Assert.That(Sessions.CurrentRoute, Is.Null);
    }

    [Test]
    public async Task A_forgotten_task_keeps_no_scope_alive()
    {
        var (forgotten, weak) = Forget(Sessions, out var release);
        for (var i = 0; i < 10 && weak.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.That(weak.IsAlive, Is.False);
        release.SetResult();
        Assert.That(await forgotten, Is.Null);
    }

    // Not inlined, so that no register of the test holds the scope.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (Task<Scope?> Forgotten, WeakReference Scope) Forget(IReplicatedSessions sessions, out TaskCompletionSource release)
    {
        var wait = release = new TaskCompletionSource();
        using var scope = sessions.BeginScope();
        return (Task.Run(async () =>
        {
            await wait.Task;
            return AmbientScope.Current?.Scope;
        }), new WeakReference(scope));
    }
}
