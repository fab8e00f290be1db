using System.Data.Common;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Endpoints that write rows while they still read them: the response begins in the middle of a query.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class StreamedReaderTests(UnitOfWork unit)
{
    private const int Rows = 20_000;
    private const string Query = "select i from generate_series(1, 20000) i";
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await SharedCluster.Execute(SharedCluster.Master, "create or replace function streamed_post(id uuid) returns int language sql as $$ insert into post (id, title) values (id, 'by a function'); select 1 $$");
        _app = await TestApp.StartAsync(unit, Map, build: builder => builder.AddTheseControllers(typeof(StreamController)));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task On_a_slave_a_query_goes_on_when_the_response_has_begun([Values("/rows", "/mvc/rows", "/written")] string path)
    {
        Assert.That(await _app.Get<int[]>(path), Is.EqualTo(Enumerable.Range(1, Rows)));
    }

    [Test]
    public async Task On_the_master_a_query_that_only_reads_goes_on_when_the_response_has_begun([Values("/rows", "/mvc/rows", "/written")] string path)
    {
        Assert.That(await _app.Post<int[]>(path), Is.EqualTo(Enumerable.Range(1, Rows)));
    }

    [Test]
    public async Task Where_something_was_written_a_response_that_begins_in_the_middle_of_a_query_is_an_error()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/add-and-stream/{id}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(_app.Log.LastException?.Message, Does.Contain("rows of a query are still being read").And.Contain("ToList"));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task What_a_function_wrote_before_a_streamed_response_is_an_error_and_is_not_there()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/call-and-stream/{id}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(_app.Log.LastException?.Message, Does.Contain("rows of a query are still being read"));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task What_a_function_writes_in_a_later_row_breaks_the_response_off_and_is_not_there()
    {
        var id = Guid.NewGuid();
        Assert.That(async () =>
        {
            using var response = await _app.Client.PostAsync($"/stream-and-call/{id}", content: null);
            await response.Content.ReadAsStringAsync();
        }, Throws.InstanceOf<HttpRequestException>(), "a response that ends as a success says that the row is there");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    private static void Map(WebApplication app)
    {
        app.MapMethods("/rows", ["GET", "POST"], (DbConnection connection) => connection.QueryUnbufferedAsync<int>(Query));
        app.MapMethods("/written", ["GET", "POST"], async (DbConnection connection, HttpContext context) =>
        {
            context.Response.ContentType = "application/json";
            var separator = "[";
            await foreach (var row in connection.QueryUnbufferedAsync<int>(Query))
            {
                await context.Response.WriteAsync($"{separator}{row}");
                separator = ",";
            }

            await context.Response.WriteAsync("]");
        });
        app.MapPost("/add-and-stream/{id:guid}", async (Guid id, DbConnection connection) =>
        {
            await connection.ExecuteAsync("insert into post (id, title) values (@id, 'streamed')", new { id });
            return connection.QueryUnbufferedAsync<int>(Query);
        });
        app.MapPost("/call-and-stream/{id:guid}", async (Guid id, DbConnection connection) =>
        {
            await connection.ExecuteScalarAsync<int>("select streamed_post(@id)", new { id });
            return connection.QueryUnbufferedAsync<int>(Query);
        });
        app.MapPost("/stream-and-call/{id:guid}", (Guid id, DbConnection connection) =>
            // More than fits between server and client, so that the last row is not made before the response begins.
            connection.QueryUnbufferedAsync<string>("select repeat('x', 1000 + case when i = 20000 then streamed_post(@id) else 0 end) from generate_series(1, 20000) i", new { id }));
        app.MapControllers();
    }

    [Route("mvc")]
    private sealed class StreamController(DbConnection connection) : ControllerBase
    {
        [HttpGet("rows"), HttpPost("rows")]
        public IAsyncEnumerable<int> Rows() => connection.QueryUnbufferedAsync<int>(Query);
    }
}
