using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Session, stateless session and plain connection of one role: one server connection, one transaction.</summary>
internal sealed class UnitsTogetherTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(6)]
    public async Task They_work_on_one_server_connection([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var session = context.Session();
            var sharing = session.SessionWithOptions().Connection().OpenSession();
            var processes = new[]
            {
                session.Backend(),
                context.Stateless().CreateSQLQuery("select pg_backend_pid()").UniqueResult<int>(),
                await context.Connection().ExecuteScalarAsync<int>("select pg_backend_pid()"),
                sharing.Backend(),
                session.Connection.ExecuteScalar<int>("select pg_backend_pid()"),
                await session.CreateSQLQuery("select pg_backend_pid()").UniqueResultAsync<int>(),
            };
            return SessionApp.Done(processes.Distinct().Count());
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("1"));
    }

    [Test, Promise(6)]
    public async Task They_commit_together()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(async context =>
        {
            await WriteWithAll(context, name);
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(4));
        Assert.That(await Database.Ask<long>($"select count(distinct xmin::text) from note where name = '{name}'"), Is.EqualTo(1));
    }

    [Test, Promise(6)]
    public async Task They_roll_back_together()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await WriteWithAll(context, name);
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
    }

    [Test, Promise(6)]
    public async Task Whichever_begins_it_the_transaction_is_everybodys([Values] bool statelessFirst)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            if (statelessFirst)
            {
                context.Stateless().Insert(new Note { Name = name });
            }
            else
            {
                await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
            }

            context.Session().Save(new Note { Name = name });
            context.Session().GetCurrentTransaction().Rollback();
            return SessionApp.Done();
        });
        Assert.That(answer.Ok().IsSuccess, Is.True);
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
    }

    [Test]
    public async Task A_session_that_shares_the_connection_is_flushed_and_rolled_back_with_it([Values] bool fails)
    {
        var name = Guid.NewGuid().ToString();
        await _app.Post(context =>
        {
            // The first statement of all is the sharing session's.
            var sharing = context.Session().SessionWithOptions().Connection().OpenSession();
            sharing.Save(new Note { Name = name });
            Assert.That(sharing.Query<Note>().Count(n => n.Name == name), Is.EqualTo(1));
            sharing.Save(new Note { Name = name });
            return fails ? throw new InvalidOperationException("on purpose") : Task.FromResult(SessionApp.Done());
        });
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(fails ? 0 : 2));
    }

    [Test, Promise(12)]
    public async Task A_change_in_a_session_that_shares_the_connection_is_not_forgotten_on_a_slave([Values("GET", "POST")] string verb)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var sharing = context.Session().SessionWithOptions().Connection().OpenSession();
            (await sharing.GetAsync<Invoice>(key)).Name = "touched";
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, verb == "GET" ? Is.InstanceOf<SlaveWriteException>() : Is.Null);
        Assert.That(await Database.Ask<string>($"select name from invoice where id = '{key}'"), Is.EqualTo(verb == "GET" ? $"{key}" : "touched"));
    }

    [Test, Promise(7)]
    public async Task A_bare_Connection_is_that_of_its_own_role_whichever_session_was_opened_last()
    {
        var answer = await _app.Post(context =>
        {
            var sessions = context.RequestServices.GetRequiredService<IReplicatedSessions>();
            var master = context.Session();
            ISession slave;
            using (sessions.UseSlave())
            {
                slave = _app.Factories.Slave.GetCurrentSession();
            }

            var bare = master.Connection.ExecuteScalar<int>("select pg_backend_pid()");
            return Task.FromResult(SessionApp.Done((
                bare == master.Backend(),
                slave.Connection.ExecuteScalar<bool>("select pg_is_in_recovery()"),
                slave.Connection.ExecuteScalar<int>("select pg_backend_pid()") == slave.Backend())));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(True, True, True)"));
    }

    [Test, Promise(6)]
    public async Task A_bare_Connection_is_the_requests_also_after_another_scope_has_ended([Values("scope", "container", "own session")] string other)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            var session = context.Session();
            await Other(other, context.RequestServices);
            await using (var command = session.Connection.CreateCommand())
            {
                command.CommandText = $"insert into note values ('{Guid.NewGuid()}', '{name}')";
                await command.ExecuteNonQueryAsync();
            }

            Assert.That(session.Connection.ExecuteScalar<int>("select pg_backend_pid()"), Is.EqualTo(session.Backend()));
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
    }

    [Test]
    public async Task A_bare_Connection_of_the_applications_own_session_is_its_own()
    {
        var answer = await _app.Post(context =>
        {
            var routed = context.Session().Backend();
            using var own = _app.Factories.Master.OpenSession();
            using var sharing = own.SessionWithOptions().Connection().OpenSession();
            return Task.FromResult(SessionApp.Done((
                own.Connection.ExecuteScalar<int>("select pg_backend_pid()") == routed,
                sharing.Backend() == own.Backend(),
                context.Session().Backend() == routed)));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(False, True, True)"));
    }

    [Test]
    public async Task A_session_of_the_applications_own_is_outside_the_requests_connection_and_transaction()
    {
        var (own, routed) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var answer = await _app.Post(context =>
        {
            var session = context.Session();
            session.Save(new Note { Name = routed });
            session.Flush();
            using (var mine = _app.Factories.Master.OpenSession())
            {
                Assert.That(mine.Backend(), Is.Not.EqualTo(session.Backend()));
                using var transaction = mine.BeginTransaction();
                mine.Save(new Note { Name = own });
                transaction.Commit();
            }

            Assert.That(session.Query<Note>().Count(n => n.Name == routed), Is.EqualTo(1), "its connection is still there");
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name in ('{own}', '{routed}')"), Is.EqualTo(own));
    }

    [Test]
    public async Task A_batch_that_still_waits_in_a_stateless_session_is_written([Values] bool async)
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "50"));
        var name = Guid.NewGuid().ToString();
        (await app.Post(async context =>
        {
            for (var i = 0; i < 3; i++)
            {
                if (async)
                {
                    await context.Stateless().InsertAsync(new Note { Name = name });
                }
                else
                {
                    context.Stateless().Insert(new Note { Name = name });
                }
            }

            Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(3));
    }

    [Test, Promise(9)]
    public async Task A_batch_that_still_waits_in_a_stateless_session_is_thrown_away_with_a_rollback([Values] bool byTheApplication)
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "50"));
        var name = Guid.NewGuid().ToString();
        var answer = await app.Post(context =>
        {
            context.Stateless().Insert(new Note { Name = name });
            if (byTheApplication)
            {
                context.Session().GetCurrentTransaction().Rollback();
                return Task.FromResult(SessionApp.Done());
            }

            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo(byTheApplication ? null : "on purpose"));
        await app.DisposeAsync();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.Zero);
        Assert.That(app.Log.Entries.Where(e => e.Exception is not null), Is.Empty);
    }

    private async Task Other(string other, IServiceProvider services)
    {
        switch (other)
        {
            case "scope":
                await using (services.GetRequiredService<IReplicatedSessions>().BeginScope())
                {
                    _app.Factories.Master.GetCurrentSession().Backend();
                }

                break;
            case "container":
                await using (var container = services.CreateAsyncScope())
                {
                    container.ServiceProvider.GetRequiredService<ISession>().Backend();
                }

                break;
            default:
                using (var own = _app.Factories.Master.OpenSession())
                {
                    own.Backend();
                }

                break;
        }
    }

    private static async Task WriteWithAll(Microsoft.AspNetCore.Http.HttpContext context, string name)
    {
        context.Session().Save(new Note { Name = name });
        context.Stateless().Insert(new Note { Name = name });
        await context.Connection().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
        await using var command = context.Session().Connection.CreateCommand();
        context.Session().GetCurrentTransaction().Enlist(command);
        command.CommandText = $"insert into note values ('{Guid.NewGuid()}', '{name}')";
        await command.ExecuteNonQueryAsync();
    }
}
