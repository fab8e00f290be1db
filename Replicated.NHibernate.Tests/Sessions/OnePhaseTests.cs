using System.Data.Common;
using System.Transactions;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>
/// Master and slave in one TransactionScope of the default level: the slave stays out of it, so the master's commit has one phase. What went over the wires
/// tells.
/// </summary>
[Promise(6)]
internal sealed class OnePhaseTests
{
    private const string SecondPhase = "PREPARE TRANSACTION";

    private static readonly string[] Units = ["session", "stateless session", "connection", "own session", "own stateless session"];

    private SessionApp _app = null!;
    private CountedWire _master = null!;
    private CountedWire _slave = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        (_master, _slave) = (new CountedWire(Database.Master), new CountedWire(Database.Cluster.Slaves[0]));
        _app = await SessionApp.StartAsync(
            new()
            {
                ["ConnectionStrings:Master"] = _master.Through(Database.Master.ConnectionString),
                ["ConnectionStrings:Slave"] = _slave.Through(Database.Cluster.Slaves[0].ConnectionString),
                // Of a prepared statement the wire shows only the name.
                ["Replicated:AutoPrepare"] = "false",
            },
            slaves: 1);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _master.DisposeAsync();
        await _slave.DisposeAsync();
    }

    [Test]
    public async Task The_masters_write_is_committed_and_nothing_is_prepared(
        [ValueSource(nameof(Units))] string write, [ValueSource(nameof(Units))] string read, [Values] bool readsFirst, [Values] bool async)
    {
        var name = Guid.NewGuid().ToString();
        var (master, slave) = (_master.Sent.Length, _slave.Sent.Length);
        var answer = await _app.Post(async context =>
        {
            var sessions = context.RequestServices.GetRequiredService<IReplicatedSessions>();
            using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
            var inRecovery = false;
            async Task Read()
            {
                using (sessions.UseSlave())
                {
                    inRecovery = await On(context.RequestServices, DatabaseRole.Slave, read, name, async);
                }
            }

            if (readsFirst)
            {
                await Read();
            }

            await On(context.RequestServices, DatabaseRole.Master, write, name, async);
            if (!readsFirst)
            {
                await Read();
            }

            scope.Complete();
            return SessionApp.Done(inRecovery);
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("True"));
        Assert.That(await Count(name), Is.EqualTo(1));
        Assert.That(_master.Sent[master..], Does.Contain("SERIALIZABLE").And.Contain("COMMIT").And.Not.Contain(SecondPhase));
        Assert.That(_slave.Sent[slave..], Does.Contain("pg_is_in_recovery").And.Not.Contain("SERIALIZABLE").And.Not.Contain(SecondPhase));
    }

    [Test]
    public async Task Two_connections_to_the_master_have_two_phases()
    {
        // Otherwise the wire would not tell.
        var name = Guid.NewGuid().ToString();
        var before = _master.Sent.Length;
        using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            using var one = _app.Factories.Master.OpenSession();
            using var other = _app.Factories.Master.OpenSession();
            one.Save(new Note { Name = name });
            one.Flush();
            other.Save(new Note { Name = name });
            other.Flush();
            scope.Complete();
        }

        Assert.That(_master.Sent[before..], Does.Contain(SecondPhase));
        Assert.That(await Count(name), Is.EqualTo(2));
    }

    [Test]
    public async Task A_slave_session_cannot_be_made_to_join([Values] bool stateless)
    {
        var answer = await _app.Get(context =>
        {
            using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
            if (stateless)
            {
                context.Stateless().GetSessionImplementation().JoinTransaction();
            }
            else
            {
                context.Session().JoinTransaction();
            }

            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("stays out of TransactionScopes"));
    }

    private async Task<bool> On(IServiceProvider services, DatabaseRole role, string unit, string name, bool async)
    {
        const string Where = "select pg_is_in_recovery()";
        var factory = role == DatabaseRole.Master ? _app.Factories.Master : _app.Factories.Slave;
        var writes = role == DatabaseRole.Master;
        switch (unit)
        {
            case "connection":
                var connection = services.GetRequiredService<DbConnection>();
                var sql = writes ? $"insert into note values ('{Guid.NewGuid()}', '{name}') returning true" : Where;
                return async ? await connection.ExecuteScalarAsync<bool>(sql) : connection.ExecuteScalar<bool>(sql);
            case "stateless session" or "own stateless session":
                using (var own = unit == "own stateless session" ? factory.OpenStatelessSession() : null)
                {
                    var session = own ?? services.GetRequiredService<IStatelessSession>();
                    if (writes)
                    {
                        return (async ? await session.InsertAsync(new Note { Name = name }) : session.Insert(new Note { Name = name })) is not null;
                    }

                    return async ? await session.CreateSQLQuery(Where).UniqueResultAsync<bool>() : session.CreateSQLQuery(Where).UniqueResult<bool>();
                }

            default:
                using (var own = unit == "own session" ? factory.OpenSession() : null)
                {
                    var session = own ?? services.Session();
                    if (writes)
                    {
                        return (async ? await session.SaveAsync(new Note { Name = name }) : session.Save(new Note { Name = name })) is not null;
                    }

                    return async ? await session.CreateSQLQuery(Where).UniqueResultAsync<bool>() : session.CreateSQLQuery(Where).UniqueResult<bool>();
                }
        }
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
