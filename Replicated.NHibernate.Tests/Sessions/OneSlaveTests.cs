using System.Collections.Concurrent;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Whatever a request reads with, it reads from one server.</summary>
internal sealed class OneSlaveTests
{
    private const string Port = "select cast(current_setting('port') as int)";

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(6), Promise(8)]
    public async Task Sessions_stateless_sessions_and_connections_of_a_request_are_on_one_slave()
    {
        var ports = new ConcurrentBag<int[]>();
        var sessions = _app.Services.GetRequiredService<IReplicatedSessions>();
        await Task.WhenAll(Enumerable.Range(0, 60).Select(i => _app.Get(async context =>
        {
            // Each takes its turn to be the one for whom the slave is chosen.
            Func<Task<int>>[] kinds =
            [
                () => context.Session().CreateSQLQuery(Port).UniqueResultAsync<int>(),
                () => context.Stateless().CreateSQLQuery(Port).UniqueResultAsync<int>(),
                () => context.Connection().ExecuteScalarAsync<int>(Port),
                () => _app.Factories.Slave.GetCurrentSession().CreateSQLQuery(Port).UniqueResultAsync<int>(),
                async () =>
                {
                    using (sessions.UseSlave())
                    {
                        return await _app.Factories.Master.GetCurrentSession().CreateSQLQuery(Port).UniqueResultAsync<int>();
                    }
                },
            ];
            var seen = new List<int>();
            for (var turn = 0; turn < 2 * kinds.Length; turn++)
            {
                seen.Add(await kinds[(i + turn) % kinds.Length]());
            }

            ports.Add([.. seen]);
            return SessionApp.Done();
        })));

        Assert.That(ports.Select(p => p.Distinct().Count()), Is.All.EqualTo(1).And.Exactly(60).Items);
        Assert.That(ports.Select(p => p[0]).Distinct(), Is.EquivalentTo(Database.Cluster.Slaves.Select(s => s.Port)));
    }

    [Test, Promise(6)]
    public async Task Sessions_stateless_sessions_and_connections_of_a_post_are_in_one_transaction()
    {
        const string transaction = "select cast(pg_backend_pid() as text) || ' ' || cast(txid_current() as text)";
        var answer = await _app.Post(async context =>
        {
            string[] seen =
            [
                await context.Session().CreateSQLQuery(transaction).UniqueResultAsync<string>(),
                await context.Stateless().CreateSQLQuery(transaction).UniqueResultAsync<string>(),
                (await context.Connection().ExecuteScalarAsync<string>(transaction))!,
            ];
            return SessionApp.Done(seen.Distinct(StringComparer.Ordinal).Count());
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("1"));
    }
}
