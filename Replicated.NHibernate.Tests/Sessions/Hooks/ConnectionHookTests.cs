using System.Transactions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Npgsql;
using Replicated.NHibernate.Tests.Integration;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions.Hooks;

/// <summary>OnConnectionOpened: what it sets is set wherever the scope runs a statement, and nowhere else.</summary>
internal sealed class ConnectionHookTests
{
    private const string Settings = "select concat_ws('/', current_user, current_setting('search_path'), current_setting('app.tenant', true), pg_backend_pid())";

    private static async Task OfTenant(ConnectionOpenedContext context, CancellationToken cancellationToken)
    {
        if (context.Services.GetRequiredService<Tenant>().Name is not { } name)
        {
            return;
        }

        await using var command = context.Connection.CreateCommand();
        command.CommandText = $"select set_config('app.tenant', '{name}', false), set_config('search_path', 'tenant_{name}', false); set role tenant_user";
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void OfTenant(ConnectionOpenedContext context) => OfTenant(context, CancellationToken.None).GetAwaiter().GetResult();

    private static async Task OnlyRows(ConnectionOpenedContext context, CancellationToken cancellationToken)
    {
        if (context.Services.GetRequiredService<Tenant>().Name is { } name)
        {
            await using var command = context.Connection.CreateCommand();
            command.CommandText = $"select set_config('app.tenant', '{name}', false); set role tenant_user";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    [Test]
    public async Task Two_tenants_on_one_connection_see_only_their_own_rows_by_row_level_security([Values] bool noReset)
    {
        await using var app = await Tenants.StartAsync(Tenants.PoolsOfOne(noReset), builder => builder.OnConnectionOpened(OnlyRows));
        var answers = await Task.WhenAll(Enumerable.Range(0, 120).Select(async i =>
        {
            var tenant = i % 3 == 0 ? "a" : "b";
            var answer = await app.Send(i % 2 == 0 ? HttpMethod.Get : HttpMethod.Post, "/run", async context =>
            {
                context.Tenant().Name = tenant;
                var session = context.Session();
                string[] names = [.. (await session.CreateQuery("from Room").ListAsync<Room>()).Select(r => r.Tenant), .. context.Stateless().CreateQuery("from Room").List<Room>().Select(r => r.Tenant)];
                return SessionApp.Done($"{string.Join(",", names.Distinct(StringComparer.Ordinal))} {names.Length} {context.Connection().Execute("select count(*) from room")} {session.Backend()}");
            });
            var words = answer.Ok().Body.Split(' ');
            return (Tenant: tenant, Seen: words[0], Rows: $"{words[1]} {words[2]}", Backend: words[3]);
        }));
        Assert.That(answers.Where(a => a.Seen != a.Tenant || a.Rows != (a.Tenant == "a" ? "4 2" : "2 1")), Is.Empty);
        Assert.That(answers.Select(a => a.Backend).Distinct(StringComparer.Ordinal).Count(), Is.EqualTo(2), "one connection to the slave and one to the master");
    }

    [Test]
    public async Task Each_tenant_has_a_schema_of_its_own_for_reading_writing_and_ids([Values] bool asynchronously)
    {
        await using var app = await Tenants.StartAsync([], builder => _ = asynchronously ? builder.OnConnectionOpened(OfTenantWithoutRole) : builder.OnConnectionOpened(c => OfTenantWithoutRole(c, default).GetAwaiter().GetResult()));
        foreach (var (tenant, id) in new[] { ("a", "1000"), ("b", "2000") })
        {
            var answer = await app.Post(context =>
            {
                context.Tenant().Name = tenant;
                var room = new Room { Tenant = tenant, Name = "new" };
                context.Session().Save(room);
                context.Session().Flush();
                // By the table of that schema, on a connection of its own.
                return Task.FromResult(SessionApp.Done($"{room.Id >= int.Parse(id, System.Globalization.CultureInfo.InvariantCulture)} {context.Session().CreateQuery("from Room").List().Count}"));
            });
            Assert.That(answer.Ok().Body, Is.EqualTo(tenant == "a" ? "True 3" : "True 2"));
            Assert.That(await Database.Ask<long>($"select count(*) from tenant_{tenant}.room where name = 'new'"), Is.EqualTo(1));
        }

        Assert.That(await Database.Ask<long>("select count(*) from room where name = 'new'"), Is.Zero);
        await Database.Execute("delete from tenant_a.room where name = 'new'; delete from tenant_b.room where name = 'new'");

        static async Task OfTenantWithoutRole(ConnectionOpenedContext context, CancellationToken cancellationToken)
        {
            await using var command = context.Connection.CreateCommand();
            command.CommandText = $"set search_path = tenant_{context.Services.GetRequiredService<Tenant>().Name}";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    [Test]
    public async Task What_was_set_is_undone_before_anybody_else_gets_the_connection(
        [Values("GET", "POST")] string verb, [Values] bool noReset, [Values("answers", "throws", "handler throws", "leaves a transaction open")] string ending)
    {
        var backend = 0;
        await using var app = await Tenants.StartAsync(new(Tenants.PoolsOfOne(noReset)) { ["Replicated:TransactionPerRequest"] = (ending != "leaves a transaction open").ToString() }, builder => builder.OnConnectionOpened(context =>
        {
            OfTenant(context);
            backend = ((NpgsqlConnection)context.Connection).ProcessID;
            if (ending == "handler throws" && context.Services.GetRequiredService<Tenant>().Name is not null)
            {
                throw new InvalidOperationException("The handler cannot.");
            }
        }));
        var answer = await app.Send(new HttpMethod(verb), "/run", context =>
        {
            context.Tenant().Name = "a";
            var before = context.Session().Scalar(Settings);
            Assert.That(before, Is.EqualTo($"tenant_user/tenant_a/a/{backend}"));
            if (ending == "leaves a transaction open")
            {
                context.Connection().Execute("begin");
                context.Connection().Execute("select 1");
            }

            return ending == "throws" ? throw new InvalidOperationException("The action cannot.") : Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown?.GetBaseException().Message, ending switch { "throws" => Is.EqualTo("The action cannot."), "handler throws" => Is.EqualTo("The handler cannot."), _ => Is.Null });
        var former = backend;
        Assert.That((await app.Send(new HttpMethod(verb), "/run", context => Task.FromResult(SessionApp.Done(context.Session().Scalar(Settings))))).Ok().Body, Is.EqualTo($"postgres/\"$user\", public//{former}"), "the same connection");
    }

    [Test]
    public async Task What_was_set_holds_in_blocks_in_the_view_and_beside_the_scope()
    {
        await using var app = await Tenants.StartAsync([], builder => builder.OnConnectionOpened(OfTenant));
        var sessions = app.Services.GetRequiredService<IReplicatedSessions>();
        var answer = await app.Get(context =>
        {
            context.Tenant().Name = "b";
            var seen = new List<string> { Where(context.Session()) };
            using (sessions.UseMaster())
            {
                seen.Add(Where(app.Factories.Master.GetCurrentSession()));
                app.Factories.Master.GetCurrentSession().Dispose();
                seen.Add(Where(app.Factories.Master.GetCurrentSession()));
            }

            using (sessions.BeginScope())
            {
                seen.Add(Where(app.Factories.Master.GetCurrentSession()));
            }

            return Task.FromResult<IResult>(new View(response => response.WriteAsync(string.Join(' ', [.. seen, Where(context.Session())]))));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("<html>tenant_user/tenant_b/b/slave tenant_user/tenant_b/b/master tenant_user/tenant_b/b/master tenant_user/tenant_b/b/master tenant_user/tenant_b/b/slave"));

        static string Where(ISession session) => session.Scalar("select concat_ws('/', current_user, current_setting('search_path'), current_setting('app.tenant', true), case when pg_is_in_recovery() then 'slave' else 'master' end)");
    }

    [Test]
    public async Task A_rolled_back_TransactionScope_does_not_take_away_what_was_set([Values] bool transactionPerRequest)
    {
        await using var app = await Tenants.StartAsync(new(Tenants.PoolsOfOne()) { ["Replicated:TransactionPerRequest"] = transactionPerRequest.ToString() }, builder => builder.OnConnectionOpened(OfTenant));
        var answer = await app.Post(context =>
        {
            context.Tenant().Name = "a";
            var seen = new List<string>();
            using (new TransactionScope(TransactionScopeOption.Required, new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted }, TransactionScopeAsyncFlowOption.Enabled))
            {
                seen.Add(context.Session().Scalar("select concat_ws('/', current_user, current_setting('app.tenant', true))"));
            }

            seen.Add(context.Session().Scalar("select concat_ws('/', current_user, current_setting('app.tenant', true))"));
            return Task.FromResult(SessionApp.Done(string.Join(' ', seen)));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("tenant_user/a tenant_user/a"));
        var next = await app.Post(context => Task.FromResult(SessionApp.Done(context.Session().Scalar(Settings))));
        Assert.That(next.Ok().Body, Does.StartWith("postgres/\"$user\", public//"), "what was set reaches nobody else");
    }

    [Test]
    public async Task Nothing_runs_on_a_connection_whose_handler_has_thrown([Values("GET", "POST")] string verb)
    {
        await using var app = await Tenants.StartAsync(Tenants.PoolsOfOne(), builder => builder.OnConnectionOpened(_ => throw new InvalidOperationException("The handler cannot.")));
        (await app.Send(new HttpMethod(verb), "/run", context =>
        {
            for (var i = 0; i < 2; i++)
            {
                Assert.That(() => context.Connection().Execute("select 1"), Throws.InvalidOperationException.With.Message.EqualTo("The handler cannot."));
            }

            return Task.FromResult(SessionApp.Done());
        })).Ok();
    }

    [Test]
    public async Task A_write_of_a_tenant_gives_a_token_that_its_next_read_follows()
    {
        await using var app = await Tenants.StartAsync([], builder => builder.OnConnectionOpened(OnlyRows));
        var answer = await app.Post(context =>
        {
            context.Tenant().Name = "a";
            context.Session().Save(new Room { Tenant = "a", Name = "annex" });
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That((answer.Ok().Token?.Position is not null, await Database.Ask<long>("select count(*) from room where name = 'annex'")), Is.EqualTo((true, 1L)));
        await Database.Execute("delete from room where name = 'annex'");
    }
}
