using Dapper;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What only the provider's own connection can do, through GetProviderConnection, within the request's transaction.</summary>
internal sealed class ProviderConnectionTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(10)]
    public async Task Binary_copy_is_committed_with_the_request_and_gets_a_token()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await Copy(context, name);
            return SessionApp.Done(context.Session().Query<Note>().Count(n => n.Name == name));
        });
        Assert.That((answer.Ok().Body, answer.Token?.Position is not null), Is.EqualTo(("2", true)));
        Assert.That(await Count(name), Is.EqualTo(2));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Binary_copy_is_rolled_back_with_the_request()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await Copy(context, name);
            throw new InvalidOperationException("on purpose");
        });
        Assert.That((answer.Thrown?.Message, answer.Token, await Count(name)), Is.EqualTo(("on purpose", (ConsistencyToken?)null, 0L)));
        await Leftovers.AreNone(_app);
    }

    [Test, Promise(12)]
    public async Task Binary_copy_is_refused_on_a_slave_by_the_database()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Get(async context =>
        {
            await Copy(context, name);
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("25006"));
        Assert.That(await Count(name), Is.Zero);
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Binary_export_reads_on_a_slave()
    {
        var rows = 0;
        (await _app.Get(async context =>
        {
            var connection = await context.Session().Connection.GetProviderConnectionAsync<NpgsqlConnection>();
            await using var reader = await connection.BeginBinaryExportAsync("copy (select i from generate_series(1, 100) i) to stdout (format binary)");
            while (await reader.StartRowAsync() >= 0)
            {
                rows += await reader.ReadAsync<int>() > 0 ? 1 : 0;
            }

            return SessionApp.Done();
        })).Ok();
        Assert.That(rows, Is.EqualTo(100));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Listen_hears_another_request_once_it_is_committed_and_ends_with_the_connections_lease()
    {
        // Within a transaction LISTEN begins only with the commit, which gives the connection back.
        await using var listening = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });
        var channel = $"c{Guid.NewGuid():N}";
        var answer = await listening.Post(async context =>
        {
            var heard = new List<string>();
            var connection = await context.Connection().GetProviderConnectionAsync<NpgsqlConnection>();
            connection.Notification += (_, e) => heard.Add(e.Payload);
            await context.Connection().ExecuteAsync($"listen {channel}");
            await _app.Post(async other =>
            {
                await other.Connection().ExecuteAsync($"notify {channel}, 'rolled back'");
                throw new InvalidOperationException("on purpose");
            });
            (await _app.Post(async other =>
            {
                await other.Connection().ExecuteAsync($"notify {channel}, 'committed'");
                return SessionApp.Done();
            })).Ok();
            await connection.WaitAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
            return SessionApp.Done(string.Join(',', heard));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("committed"));
        Assert.That((await listening.Post(session => session.Scalar("select count(*) from pg_listening_channels()"))).Ok().Body, Is.EqualTo("0"));
        await Leftovers.AreNone(listening);
    }

    [Test]
    public async Task Command_of_the_provider_runs_in_the_requests_transaction([Values] bool fails)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            await using var command = new NpgsqlCommand("insert into note values (gen_random_uuid(), $1)", context.Session().Connection.GetProviderConnection<NpgsqlConnection>())
            {
                Parameters = { new() { Value = name } },
            };
            await command.ExecuteNonQueryAsync();
            return fails ? throw new InvalidOperationException("on purpose") : SessionApp.Done();
        });
        Assert.That((answer.IsSuccess, await Count(name)), Is.EqualTo((!fails, fails ? 0 : 1)));
    }

    [Test]
    public async Task Another_class_is_an_error_that_names_both()
    {
        var answer = await _app.Get(session => session.Connection.GetProviderConnection<Support.Profiling.ProfiledConnection>());
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contain("NpgsqlConnection").And.Message.Contain("ProfiledConnection"));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Transaction_begun_on_the_provider_within_the_requests_is_the_providers_own_error([Values] bool swallowed)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(async context =>
        {
            var connection = context.Connection().GetProviderConnection<NpgsqlConnection>();
            var thrown = Assert.Catch<InvalidOperationException>(() => connection.BeginTransaction());
            await context.Connection().ExecuteAsync("insert into note values (gen_random_uuid(), @name)", new { name });
            return swallowed ? SessionApp.Done() : throw thrown!;
        });
        Assert.That((answer.IsSuccess, await Count(name)), Is.EqualTo((swallowed, swallowed ? 1 : 0)));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Transaction_begun_on_the_provider_of_a_slave_and_left_open_goes_to_nobody_else()
    {
        (await _app.Get(context =>
        {
            context.Connection().GetProviderConnection<NpgsqlConnection>().BeginTransaction();
            return Task.FromResult(SessionApp.Done(context.Session().Backend()));
        })).Ok();
        await Leftovers.AreNone(_app);
        foreach (var slave in Database.Cluster.Slaves)
        {
            Assert.That(await SharedCluster.Ask<long>(slave, "select count(*) from pg_stat_activity where state like 'idle in transaction%'"), Is.Zero);
        }
    }

    [Test]
    public async Task Connection_of_the_provider_that_the_application_closed_is_replaced_or_named([Values("GET", "POST")] string verb, [Values] bool disposes)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            var connection = context.Connection().GetProviderConnection<NpgsqlConnection>();
            if (disposes)
            {
                connection.Dispose();
            }
            else
            {
                connection.Close();
            }

            return Task.FromResult(SessionApp.Done(context.Session().Scalar("select pg_is_in_recovery()")));
        });
        if (verb == "GET")
        {
            Assert.That(answer.Ok().Body, Is.EqualTo("True"));
        }
        else
        {
            Assert.That($"{answer.Thrown}", Does.Contain("closed in the middle of its transaction").And.Contain("only lent"));
        }

        await Leftovers.AreNone(_app);
    }

    private static async Task Copy(HttpContext context, string name)
    {
        var connection = await context.Connection().GetProviderConnectionAsync<NpgsqlConnection>();
        await using var writer = await connection.BeginBinaryImportAsync("copy note (id, name) from stdin (format binary)");
        for (var i = 0; i < 2; i++)
        {
            await writer.StartRowAsync();
            await writer.WriteAsync(Guid.NewGuid());
            await writer.WriteAsync(name);
        }

        await writer.CompleteAsync();
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
