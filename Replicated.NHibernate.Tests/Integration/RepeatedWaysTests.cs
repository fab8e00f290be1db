using System.Data;
using System.Data.Common;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>However a statement is run, and with whatever parameters, it is sent once more.</summary>
[Promise(13)]
internal sealed class RepeatedWaysTests
{
    private const int Repeated = 60;

    private static readonly Dictionary<string, Func<DbConnection, Task<int>>> Ways = new(StringComparer.Ordinal)
    {
        ["scalar"] = c => Task.FromResult(Of(Command(c).ExecuteScalar())),
        ["scalar, asynchronous"] = async c => Of(await Command(c).ExecuteScalarAsync()),
        ["statement"] = c => Task.FromResult(Command(c).ExecuteNonQuery() + 43),
        ["statement, asynchronous"] = async c => await Command(c).ExecuteNonQueryAsync() + 43,
        ["reader"] = c => Task.FromResult(First(Command(c).ExecuteReader())),
        ["reader, asynchronous"] = async c => First(await Command(c).ExecuteReaderAsync()),
        ["reader, sequential"] = async c => First(await Command(c).ExecuteReaderAsync(CommandBehavior.SequentialAccess)),
        ["prepared"] = c =>
        {
            var command = Command(c);
            command.Prepare();
            return Task.FromResult(Of(command.ExecuteScalar()));
        },
        ["prepared, asynchronous"] = async c =>
        {
            var command = Command(c);
            await command.PrepareAsync();
            return Of(await command.ExecuteScalarAsync());
        },
        ["transaction"] = async c =>
        {
            await using var transaction = await c.BeginTransactionAsync(IsolationLevel.RepeatableRead);
            var answer = Of(await Command(c).ExecuteScalarAsync());
            await transaction.CommitAsync();
            return answer;
        },
        ["batch"] = c => Task.FromResult(Of(Batch(c).ExecuteScalar())),
        ["batch, asynchronous"] = async c => Of(await Batch(c).ExecuteScalarAsync()),
        ["batch, reader"] = async c => First(await Batch(c).ExecuteReaderAsync()),
        ["batch, prepared"] = async c =>
        {
            var batch = Batch(c);
            batch.Prepare();
            return Of(await batch.ExecuteScalarAsync());
        },
        ["Dapper"] = c => c.ExecuteScalarAsync<int>("select @a + @b", new { a = 40, b = 2 }),
        ["Dapper, multiple"] = async c => (await c.QueryMultipleAsync("select @a + @b; select 1", new { a = 40, b = 2 })).ReadSingle<int>(),
    };

    private OwnNodes _nodes = null!;

    public static IEnumerable<string> Names => Ways.Keys;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Statement_on_a_lost_connection_is_sent_once_more([Values("GET", "POST")] string verb, [ValueSource(nameof(Names))] string way)
    {
        await using var app = await _nodes.App(UnitOfWork.Connection, slaves: 1);
        var node = verb == "GET" ? _nodes.Cluster.Slaves[0] : _nodes.Master;
        (await app.Send(new HttpMethod(verb), "/run", context => context.Board().WhereAsync())).Ok();
        await node.Terminate();
        var answer = 0;
        var reply = await app.Send(new HttpMethod(verb), "/run", async context => answer = await Ways[way](context.RequestServices.GetRequiredService<DbConnection>()));
        Assert.That((reply.Ok().Route, answer), Is.EqualTo((verb == "GET" ? "role=slave; node=master; reason=fallback; repeated" : "role=master; node=master; reason=verb; repeated", 42)));
        Assert.That(app.Log.Messages(Repeated).Count(), Is.EqualTo(1));
    }

    private static DbCommand Command(DbConnection connection)
    {
        var command = connection.CreateCommand();
        command.CommandText = "select @a + @b";
        Add(command.Parameters, command.CreateParameter);
        return command;
    }

    private static DbBatch Batch(DbConnection connection)
    {
        var batch = connection.CreateBatch();
        var command = batch.CreateBatchCommand();
        command.CommandText = "select @a + @b";
        Add(command.Parameters, command.CreateParameter);
        batch.BatchCommands.Add(command);
        return batch;
    }

    private static void Add(DbParameterCollection parameters, Func<DbParameter> create)
    {
        foreach (var (name, value) in new[] { ("a", 40), ("b", 2) })
        {
            var parameter = create();
            (parameter.ParameterName, parameter.Value, parameter.DbType) = (name, value, DbType.Int32);
            parameters.Add(parameter);
        }
    }

    private static int First(DbDataReader reader)
    {
        using (reader)
        {
            return reader.Read() ? reader.GetInt32(0) : 0;
        }
    }

    private static int Of(object? value) => Convert.ToInt32(value, CultureInfo.InvariantCulture);
}
