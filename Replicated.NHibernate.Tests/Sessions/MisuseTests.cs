using System.Data.Common;
using System.Transactions;
using Dapper;
using Microsoft.AspNetCore.Http;
using NHibernate;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What bad use of the connection gets: it works as with the provider, or ends in an exception that names the remedy. Nothing is left behind.</summary>
internal sealed class MisuseTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TearDown]
    public Task Nothing_is_left() => Leftovers.AreNone(_app);

    [Test]
    public async Task Two_first_statements_at_once_lose_no_connection([Values("GET", "POST")] string verb)
    {
        for (var i = 0; i < 20; i++)
        {
            var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
            {
                var (session, connection) = (context.Session(), context.Connection());
                await Task.WhenAll(
                    Task.Run(() => session.CreateSQLQuery("select 1").UniqueResultAsync<int>()),
                    Task.Run(() => connection.ExecuteScalarAsync<int>("select 1")));
                return SessionApp.Done();
            });
            Assert.That(answer.Thrown, Is.Null.Or.InstanceOf<InvalidOperationException>().Or.InstanceOf<DbException>().Or.InstanceOf<ADOException>());
        }
    }

    [Test]
    public async Task Connection_that_the_application_closed_or_disposed_goes_on([Values("GET", "POST")] string verb, [Values("Close", "Dispose", "using")] string how)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var connection = context.Session().Connection;
            var before = context.Session().Backend();
            switch (how)
            {
                case "Close":
                    await connection.CloseAsync();
                    break;
                case "Dispose":
                    await connection.DisposeAsync();
                    break;
                default:
                    using (connection)
                    {
                        connection.ExecuteScalar<int>("select 1");
                    }

                    break;
            }

            return SessionApp.Done((before == context.Session().Backend(), before == await context.Connection().ExecuteScalarAsync<int>("select pg_backend_pid()")));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(True, True)"));
    }

    [Test]
    public async Task Command_kept_beyond_its_request_names_the_request([Values("GET", "POST")] string verb, [Values] bool hasRun)
    {
        DbCommand command = null!;
        (await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            command = context.Connection().CreateCommand();
            command.CommandText = "select 1";
            return Task.FromResult(SessionApp.Done(hasRun ? command.ExecuteScalar() : null));
        })).Ok();
        Assert.That(() => command.ExecuteScalar(), Throws.InstanceOf<ObjectDisposedException>().With.Message.Contain(verb).And.Message.Contain("has ended").And.Message.Contain("BeginScope"));
        await Assert.ThatAsync(() => command.ExecuteReaderAsync(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public async Task Reader_kept_beyond_its_command_reads_on_within_the_request_and_not_after_it([Values("GET", "POST")] string verb)
    {
        DbDataReader kept = null!;
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            var (rows, connection) = (0, context.Connection());
            using (var reader = Opened(connection))
            {
                while (reader.Read())
                {
                    rows++;
                }
            }

            kept = Opened(connection);
            kept.Read();
            kept.Dispose();
            return Task.FromResult(SessionApp.Done(rows));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("3"));
        Assert.That(() => kept.Read(), Throws.InstanceOf<InvalidOperationException>());

        static DbDataReader Opened(DbConnection connection)
        {
            using var command = connection.CreateCommand();
            command.CommandText = "select i from generate_series(1, 3) i";
            return command.ExecuteReader();
        }
    }

    [Test]
    public async Task Changing_the_database_names_the_remedy()
    {
        var answer = await _app.Post(async context =>
        {
            await context.Connection().ChangeDatabaseAsync("postgres");
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<NotSupportedException>().With.Message.Contain("connection of your own"));
    }

    [Test]
    public async Task Connection_enlisted_twice_in_one_transaction_is_enlisted_once([Values] bool beforeTheFirstStatement)
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(context =>
        {
            using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                var connection = context.Connection();
                if (!beforeTheFirstStatement)
                {
                    connection.ExecuteScalar<int>("select 1");
                }

                connection.EnlistTransaction(Transaction.Current);
                connection.EnlistTransaction(Transaction.Current);
                connection.Execute("insert into note values (gen_random_uuid(), @name)", new { name });
                scope.Complete();
            }

            return Task.FromResult(SessionApp.Done());
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task Connection_in_one_transaction_cannot_be_enlisted_in_another()
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(context =>
        {
            using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                context.Connection().Execute("insert into note values (gen_random_uuid(), @name)", new { name });
                using var other = new CommittableTransaction();
                context.Connection().EnlistTransaction(other);
            }

            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>());
        Assert.That(await Count(name), Is.Zero);
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
