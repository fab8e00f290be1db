using System.Data;
using System.Data.Common;
using System.Net;
using Dapper;
using Npgsql;
using NpgsqlTypes;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Dapper on the routed connection: what works as it is, and the way for what it does only where it sees Npgsql's own class.</summary>
internal sealed class DapperTests
{
    private static readonly int[] Numbers = [2, 3, 5];
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Query_reads_buffered_and_not([Values("GET", "POST")] string verb, [Values] bool buffered)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var sum = context.Connection().Query<int>("select i from generate_series(1, 100) i", buffered: buffered).Sum();
            await foreach (var i in context.Connection().QueryUnbufferedAsync<int>("select i from generate_series(1, 100) i"))
            {
                sum += i;
            }

            return SessionApp.Done(sum);
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("10100"));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Unbuffered_query_that_is_left_in_the_middle_leaves_nothing([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            await ReadOne(context.Connection());
            return SessionApp.Done(context.Session().Scalar("select 1"));
        });
        // Dapper cancels the query, and a transaction that it is in fails: as on Npgsql's own connection.
        Assert.That(answer.Status, Is.EqualTo(verb == "GET" ? HttpStatusCode.OK : HttpStatusCode.InternalServerError));
        await using var plain = new NpgsqlConnection(Database.Master.ConnectionString);
        await plain.OpenAsync();
        await using var transaction = await plain.BeginTransactionAsync();
        await ReadOne(plain);
        await Assert.ThatAsync(() => plain.ExecuteAsync("select 1"), Throws.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("25P02"));
        await Leftovers.AreNone(_app);

        static async Task ReadOne(DbConnection connection)
        {
            await foreach (var i in connection.QueryUnbufferedAsync<int>("select i from generate_series(1, 100000) i"))
            {
                break;
            }
        }
    }

    [Test]
    public async Task List_is_expanded_by_in()
    {
        var answer = await _app.Get(async context => SessionApp.Done(await context.Connection().ExecuteScalarAsync<long>(
            "select count(*) from generate_series(1, 10) i where i in @numbers", new { numbers = Numbers })));
        Assert.That(answer.Ok().Body, Is.EqualTo("3"));
    }

    [Test]
    public async Task Array_is_sent_as_one_by_a_parameter_that_says_so_and_by_the_providers_connection([Values("parameter", "provider")] string way)
    {
        const string Sql = "select count(*) from generate_series(1, 10) i where i = any(@numbers)";
        var answer = await _app.Get(async context => SessionApp.Done(way == "parameter"
            ? await context.Connection().ExecuteScalarAsync<long>(Sql, new { numbers = new ArrayParameter(Numbers) })
            : await context.Connection().GetProviderConnection<NpgsqlConnection>().ExecuteScalarAsync<long>(Sql, new { numbers = Numbers })));
        Assert.That(answer.Ok().Body, Is.EqualTo("3"));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Transaction_of_the_connection_is_Dappers_too([Values] bool commits)
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Post(async context =>
        {
            await using var transaction = await context.Connection().BeginTransactionAsync();
            await context.Connection().ExecuteAsync("insert into note values (gen_random_uuid(), @name)", new { name }, transaction);
            await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
            return SessionApp.Done();
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(commits ? 1 : 0));
    }

    private sealed class ArrayParameter(int[] values) : SqlMapper.ICustomQueryParameter
    {
        public void AddParameter(IDbCommand command, string name) =>
            command.Parameters.Add(new NpgsqlParameter(name, NpgsqlDbType.Array | NpgsqlDbType.Integer) { Value = values });
    }
}
