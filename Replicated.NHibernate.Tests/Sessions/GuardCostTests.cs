using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Impl;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the guard costs a request that only reads: listeners called, and bytes allocated at the commit point.</summary>
[Promise(17)]
internal sealed class GuardCostTests
{
    private static readonly string Name = Guid.NewGuid().ToString();

    private SessionApp _app = null!;
    private SessionApp _counted = null!;
    private ISessionFactory _plain = null!;
    private Dictionary<string, int> _calls = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        (_app, _counted) = (await SessionApp.StartAsync(), await SessionApp.StartAsync());
        _calls = CountedListener.Count(_counted.Factories.Slave);
        _plain = BehaviourFactory.OnSlave();
        await Database.Execute($"insert into setting select gen_random_uuid(), '{Name}' from generate_series(1, 1000)");
        await Database.Cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        _plain.Dispose();
        await _app.DisposeAsync();
        await _counted.DisposeAsync();
    }

    [Test]
    public async Task At_the_commit_point_it_is_what_plain_NHibernates_flush_costs([Values(0, 10, 1_000)] int entities)
    {
        var (plain, routed, loading) = (long.MaxValue, long.MaxValue, long.MaxValue);
        for (var i = 0; i < 5; i++)
        {
            using (var session = _plain.OpenSession())
            {
                loading = Math.Min(loading, Allocated(() => Load(session, entities)));
                plain = Math.Min(plain, Allocated(session.Flush));
            }

            await using var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope(DatabaseRole.Slave);
            var current = _app.Factories.Slave.GetCurrentSession();
            Load(current, entities);
            var unit = SessionTarget.UnitOf(current.GetSessionImplementation())!;
            routed = Math.Min(routed, Allocated(() => unit.BeforeCommit(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult()));
        }

        TestContext.Out.WriteLine($"{entities} entities: {routed:N0} bytes at the commit point, {plain:N0} bytes for plain NHibernate's flush, {loading:N0} bytes to load them");
        Assert.That(routed - plain, Is.LessThanOrEqualTo(entities == 0 ? 0 : 256), "whatever the number of entities");
    }

    [Test]
    public async Task With_FlushMode_Manual_it_is_nothing_that_grows_with_the_session()
    {
        var allocated = long.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            await using var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope(DatabaseRole.Slave);
            var current = _app.Factories.Slave.GetCurrentSession();
            current.FlushMode = FlushMode.Manual;
            Load(current, 1_000);
            var unit = SessionTarget.UnitOf(current.GetSessionImplementation())!;
            allocated = Math.Min(allocated, Allocated(() => unit.BeforeCommit(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult()));
        }

        Assert.That(allocated, Is.LessThanOrEqualTo(256));
    }

    [Test]
    public async Task None_of_its_listeners_is_called([Values] bool async)
    {
        (await _counted.Get(async context =>
        {
            var session = context.Session();
            Load(session, 1_000);
            var all = session.Query<Setting>().Where(s => s.Name == Name).Take(10).ToList();
            _calls.Clear();
            foreach (var setting in all)
            {
                session.Evict(setting);
                _ = async ? await session.GetAsync<Setting>(setting.Id) : session.Get<Setting>(setting.Id);
            }

            session.Load<Setting>(all[0].Id);
            session.Refresh(session.Get<Setting>(all[0].Id));
            return SessionApp.Done();
        })).Ok();
        TestContext.Out.WriteLine(string.Join(", ", _calls.Select(c => $"{c.Key}: {c.Value}")));
        Assert.That(_calls, Is.Empty);
    }

    private static void Load(ISession session, int entities)
    {
        if (entities == 0)
        {
            Assert.That(session.Scalar("select 1"), Is.EqualTo("1"));
        }
        else
        {
            Assert.That(session.CreateQuery("from Setting where Name = :name").SetString("name", Name).SetMaxResults(entities).List(), Has.Count.EqualTo(entities));
        }
    }

    private static long Allocated(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}

/// <summary>Stands in a guard's place in a factory's list of listeners, and counts.</summary>
public class CountedListener : DispatchProxy
{
    private object _guard = null!;
    private string _list = "";
    private Dictionary<string, int> _calls = null!;

    internal static Dictionary<string, int> Count(ISessionFactory factory)
    {
        var calls = new Dictionary<string, int>(StringComparer.Ordinal);
        var listeners = ((SessionFactoryImpl)factory).EventListeners;
        foreach (var list in typeof(EventListeners).GetProperties().Where(p => p.PropertyType.IsArray && p.CanWrite))
        {
            var all = (Array)list.GetValue(listeners)!;
            for (var i = 0; i < all.Length; i++)
            {
                if (all.GetValue(i) is WriteGuard or FlushGuard)
                {
                    var proxy = Create(list.PropertyType.GetElementType()!, typeof(CountedListener));
                    var counted = (CountedListener)proxy;
                    (counted._guard, counted._list, counted._calls) = (all.GetValue(i)!, list.Name, calls);
                    all.SetValue(proxy, i);
                }
            }
        }

        return calls;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        _calls[_list] = _calls.GetValueOrDefault(_list) + 1;
        return targetMethod!.Invoke(_guard, args);
    }
}
