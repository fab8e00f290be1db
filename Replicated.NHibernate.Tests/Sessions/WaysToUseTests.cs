using System.Data;
using Dapper;
using NHibernate;
using NHibernate.Cfg;
using NHibernate.Linq;
using Npgsql;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Common ways to use NHibernate that touch the connection: each works on the routed one as on its own.</summary>
internal sealed class WaysToUseTests
{
    private const string Schema =
        """
        drop table if exists voucher, hibernate_sequences;
        create table voucher (id bigint primary key, name text not null);
        create table hibernate_sequences (sequence_name text primary key, next_val bigint not null);
        create or replace procedure write_note(name text) language sql as $$ insert into note values (gen_random_uuid(), name) $$;
        """;

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await Database.Execute(Schema);
        _app = await SessionApp.StartAsync(configure: () => Database.Configure().Mappings(m => m.FluentMappings.Add<VoucherMap>()).BuildConfiguration()
            .SetProperty(Environment.GenerateStatistics, "true"));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TearDown]
    public Task Nothing_is_left() => Leftovers.AreNone(_app);

    [Test]
    public async Task Session_opened_on_the_injected_connection_writes_in_the_requests_transaction([Values] bool fails, [Values] bool stateless)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(context =>
        {
            var backend = context.Session().Backend();
            if (stateless)
            {
                using var session = _app.Factories.Master.OpenStatelessSession(context.Connection());
                session.Insert(new Note { Name = name });
            }
            else
            {
                using var session = _app.Factories.Master.WithOptions().Connection(context.Connection()).OpenSession();
                session.Save(new Note { Name = name });
                session.Flush();
                Assert.That(session.Backend(), Is.EqualTo(backend));
            }

            return fails ? throw new InvalidOperationException("on purpose") : Task.FromResult(SessionApp.Done());
        });
        Assert.That((answer.IsSuccess, await Count(name)), Is.EqualTo((!fails, fails ? 0 : 1)));
    }

    [Test]
    public async Task Session_opened_on_the_injected_connection_of_a_slave_is_guarded([Values] bool onMastersFactory)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Get(context =>
        {
            var factory = onMastersFactory ? _app.Factories.Master : _app.Factories.Slave;
            using var session = factory.WithOptions().Connection(context.Connection()).OpenSession();
            session.CreateSQLQuery($"insert into note values (gen_random_uuid(), '{name}')").ExecuteUpdate();
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task Session_with_options_but_without_the_connection_is_on_its_own_and_guarded_by_its_factory([Values("GET", "POST")] string verb)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            var backend = context.Session().Backend();
            using var own = context.Session().SessionWithOptions().FlushMode(FlushMode.Commit).OpenSession();
            Assert.That((own.Backend(), own.FlushMode), Is.Not.EqualTo((backend, FlushMode.Auto)));
            using var transaction = own.BeginTransaction();
            own.Save(new Note { Name = name });
            transaction.Commit();
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown, verb == "GET" ? Is.InstanceOf<SlaveWriteException>() : Is.InstanceOf<InvalidOperationException>().With.Message.EqualTo("on purpose"));
        Assert.That(await Count(name), Is.EqualTo(verb == "GET" ? 0 : 1), "Its transaction is not the request's.");
    }

    [Test]
    public async Task Stored_procedure_runs_in_the_requests_transaction([Values("StoredProcedure", "call", "native")] string how, [Values] bool fails)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await Call(context.Session(), how, name);
            return fails ? throw new InvalidOperationException("on purpose") : SessionApp.Done();
        });
        Assert.That((answer.IsSuccess, answer.Token is not null, await Count(name)), Is.EqualTo((!fails, !fails, fails ? 0 : 1)));
    }

    [Test]
    public async Task Stored_procedure_that_writes_is_refused_on_a_slave([Values("StoredProcedure", "call", "native")] string how)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Get(async context =>
        {
            await Call(context.Session(), how, name);
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains("(CALL)").And.Message.Contains("[UseMaster]"));
        Assert.That(await Count(name), Is.Zero);
    }

    [Test]
    public async Task Command_of_the_provider_is_enlisted_in_the_transaction([Values] bool commits)
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            var session = context.Session();
            using var transaction = session.BeginTransaction();
            using var command = new NpgsqlCommand($"insert into note values (gen_random_uuid(), '{name}')", session.Connection.GetProviderConnection<NpgsqlConnection>());
            transaction.Enlist(command);
            Assert.That(command.Transaction, Is.Not.Null);
            command.ExecuteNonQuery();
            if (commits)
            {
                transaction.Commit();
            }
            else
            {
                transaction.Rollback();
            }

            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(commits ? 1 : 0));
    }

    [Test]
    public async Task Command_of_another_connection_cannot_be_enlisted()
    {
        await using var other = new NpgsqlConnection(Database.Master.ConnectionString);
        await other.OpenAsync();
        var answer = await _app.Post(session =>
        {
            using var command = new NpgsqlCommand("select 1", other);
            session.GetCurrentTransaction().Enlist(command);
            return null;
        });
        Assert.That(answer.Thrown, Is.InstanceOf<TransactionException>().With.Message.Contains("another connection").And.Message.Contains("session.Connection.CreateCommand()"));
    }

    [Test]
    public async Task Number_of_a_table_generator_stays_taken_when_the_request_is_rolled_back()
    {
        var (kept, lost) = (0L, 0L);
        (await _app.Post(session => kept = (long)session.Save(new Voucher { Name = "kept" }))).Ok();
        await _app.Post(session =>
        {
            lost = (long)session.Save(new Voucher { Name = "lost" });
            throw new InvalidOperationException("on purpose");
        });
        (await _app.Post(session => session.Save(new Voucher { Name = "kept" }))).Ok();
        Assert.That(lost, Is.GreaterThan(kept));
        Assert.That(await Database.Ask<string>("select string_agg(name, ',') from voucher"), Is.EqualTo("kept,kept"));
        Assert.That(await Database.Ask<long>("select next_val from hibernate_sequences"), Is.GreaterThan(lost), "It was taken in a transaction of its own.");
    }

    [Test]
    public async Task Second_level_cache_counts_one_miss_one_put_and_then_hits()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', '{key}')");
        var statistics = _app.Factories.Master.Statistics;
        statistics.Clear();
        var counted = new List<(long Misses, long Puts, long Hits)>();
        for (var i = 0; i < 3; i++)
        {
            (await _app.Post(session => session.Get<Setting>(key).Name)).Ok();
            counted.Add((statistics.SecondLevelCacheMissCount, statistics.SecondLevelCachePutCount, statistics.SecondLevelCacheHitCount));
        }

        Assert.That(counted, Is.EqualTo(new[] { (1L, 1L, 0L), (1L, 1L, 1L), (1L, 1L, 2L) }));
    }

    [Test]
    public async Task Futures_of_sessions_and_queries_come_in_one_round_trip([Values("GET", "POST")] string verb)
    {
        var name = Guid.NewGuid().ToString();
        await Database.Execute($"insert into note values (gen_random_uuid(), '{name}')");
        await Database.Cluster.WaitForSlavesAsync();
        var statistics = (verb == "GET" ? _app.Factories.Slave : _app.Factories.Master).Statistics;
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var session = context.Session();
            statistics.Clear();
            var notes = session.Query<Note>().Where(n => n.Name == name).ToFuture();
            var count = session.QueryOver<Note>().Where(n => n.Name == name).SelectList(l => l.SelectCount(n => n.Id)).FutureValue<int>();
            var one = session.CreateSQLQuery("select 1 as one").FutureValue<int>();
            return SessionApp.Done(((await notes.GetEnumerableAsync()).Count(), count.Value, one.Value, statistics.PrepareStatementCount));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(1, 1, 1, 1)"));
    }

    private static async Task Call(ISession session, string how, string name)
    {
        switch (how)
        {
            case "StoredProcedure":
                await session.Connection.ExecuteAsync("write_note", new { name }, commandType: CommandType.StoredProcedure);
                break;
            case "call":
                await session.Connection.ExecuteAsync("call write_note(@name)", new { name });
                break;
            default:
                await session.CreateSQLQuery("call write_note(:name)").SetString("name", name).ExecuteUpdateAsync();
                break;
        }
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
