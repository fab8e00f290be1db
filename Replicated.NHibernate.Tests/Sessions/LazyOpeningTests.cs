using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Cfg;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is not asked for is not opened; what is opened is given back.</summary>
internal sealed class LazyOpeningTests
{
    private readonly string _name = $"lazy-{Guid.NewGuid():N}";
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        var settings = TestApp.Settings(Database.Cluster);
        foreach (var key in settings.Keys.Where(k => k.Contains("ConnectionString", StringComparison.Ordinal)).ToArray())
        {
            settings[key] += $";Application Name={_name}";
        }

        _app = await SessionApp.StartAsync(settings, () => Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public async Task Forget()
    {
        NpgsqlConnection.ClearAllPools();
        _app.Factories.Master.Statistics.Clear();
        _app.Factories.Slave.Statistics.Clear();
        Assert.That(await OnServers(0), Is.EqualTo("0, 0, 0"));
    }

    [Test]
    public async Task No_connection_is_opened_before_the_first_statement([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var session = context.Session();
            _ = context.Stateless();
            _ = context.Connection();
            _ = session.GetCurrentTransaction()?.IsActive;
            using (session.BeginTransaction())
            {
                session.Load<Invoice>(Guid.NewGuid());
                session.GetCurrentTransaction().Commit();
            }

            return SessionApp.Done((await OnServers(0), _app.Factories.Master.Statistics.ConnectCount + _app.Factories.Slave.Statistics.ConnectCount));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(0, 0, 0, 0)"));
        Assert.That(await OnServers(0), Is.EqualTo("0, 0, 0"));
    }

    [Test]
    public async Task No_session_is_opened_that_nobody_asked_for()
    {
        (await _app.Post(_ => Task.FromResult(SessionApp.Done()))).Ok();
        (await _app.Get(_ => Task.FromResult(SessionApp.Done()))).Ok();
        Assert.That((_app.Factories.Master.Statistics.SessionOpenCount, _app.Factories.Slave.Statistics.SessionOpenCount), Is.EqualTo((0L, 0L)));
    }

    [Test, Promise(6)]
    public async Task A_post_has_one_connection_on_the_master_for_all_its_statements()
    {
        (await _app.Post(async context =>
        {
            for (var i = 0; i < 3; i++)
            {
                context.Session().Save(new Note { Name = "one of many" });
                context.Session().Flush();
                context.Stateless().CreateSQLQuery("select 1").List();
                await context.Connection().ExecuteAsync("select 1");
            }

            Assert.That(await OnServers(1), Is.EqualTo("1, 0, 0"));
            return SessionApp.Done();
        })).Ok();
        Assert.That((_app.Factories.Master.Statistics.ConnectCount, _app.Factories.Master.Statistics.TransactionCount, _app.Factories.Master.Statistics.SessionOpenCount, _app.Factories.Master.Statistics.SessionCloseCount),
            Is.EqualTo((0L, 1L, 1L, 1L)), "the sessions were given a connection, which NHibernate does not count");
        Assert.That(_app.Services.GetRequiredService<Replicated.NHibernate.Nodes.NodePool>().Master.InUse, Is.Zero);
    }

    [Test, Promise(6)]
    public async Task A_get_has_one_connection_on_one_slave_for_all_its_statements()
    {
        (await _app.Get(async context =>
        {
            for (var i = 0; i < 6; i++)
            {
                context.Session().CreateSQLQuery("select 1").List();
                context.Stateless().CreateSQLQuery("select 1").List();
                await context.Connection().ExecuteAsync("select 1");
            }

            Assert.That(await OnServers(1), Is.EqualTo("0, 1, 0").Or.EqualTo("0, 0, 1"));
            return SessionApp.Done();
        })).Ok();
        Assert.That(_app.Services.GetRequiredService<Replicated.NHibernate.Nodes.NodePool>().Slaves.Sum(s => s.InUse), Is.Zero);
    }

    [Test]
    public async Task The_connection_goes_back_at_the_commit_point_and_not_at_the_end([Values("GET", "POST")] string verb)
    {
        var pool = _app.Services.GetRequiredService<Replicated.NHibernate.Nodes.NodePool>();
        (await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            context.Session().Scalar("select 1");
            Assert.That(pool.Slaves.Append(pool.Master).Sum(n => n.InUse), Is.EqualTo(1));
            return Task.FromResult<Microsoft.AspNetCore.Http.IResult>(new View(_ =>
            {
                Assert.That(pool.Slaves.Append(pool.Master).Sum(n => n.InUse), Is.Zero);
                return Task.CompletedTask;
            }));
        })).Ok();
    }

    [TestCase("after_transaction"), TestCase("auto"), Promise(6)]
    public async Task Whatever_the_release_mode_a_scope_stays_on_its_connection_and_reads_after_its_commit(string mode)
    {
        await using var app = await SessionApp.StartAsync(configure: () => Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.ReleaseConnections, mode));
        foreach (var verb in new[] { HttpMethod.Get, HttpMethod.Post })
        {
            var answer = await app.Send(verb, "/run", context =>
            {
                var session = context.Session();
                var process = session.Backend();
                Assert.That((session.Backend(), session.Connection.ExecuteScalar<int>("select pg_backend_pid()")), Is.EqualTo((process, process)));
                var port = session.Scalar("show port");
                return Task.FromResult<Microsoft.AspNetCore.Http.IResult>(new View(async response =>
                    await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(response, (session.Scalar("show port") == port).ToString())));
            });
            Assert.That(answer.Ok().Body, Is.EqualTo("<html>True"), verb.Method);
        }
    }

    // As the servers themselves say. A connection that was just closed is still there for a moment.
    private async Task<string> OnServers(int atMost)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (true)
        {
            var counts = await Task.WhenAll(Database.Cluster.Slaves.Prepend(Database.Master)
                .Select(n => SharedCluster.Ask<long>(n, $"select count(*) from pg_stat_activity where application_name = '{_name}'")));
            if (counts.Sum() <= atMost || patience.IsCancellationRequested)
            {
                return string.Join(", ", counts);
            }
        }
    }
}
