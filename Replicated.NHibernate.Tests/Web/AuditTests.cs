using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>With the switch off, requests that will break when it is turned on say so: switching on is an audit, not a gamble.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(4)]
internal sealed class AuditTests(UnitOfWork unit)
{
    private const int Warning = 4;
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app =>
        {
            app.MapGet("/read", (IBoard board) => board.WhereAsync());
            app.MapMethods("/add", ["GET", "POST"], Add);
            app.MapGet("/add/master", Add).UseMaster();
            app.MapGet("/execute", (IBoard board) => board.ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'twice')"));
            app.MapGet("/returning", (IBoard board) =>
                board.ScalarAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'returning') returning version"));
            app.MapGet("/function", (IBoard board) => board.ScalarAsync($"select add_post('{Guid.NewGuid()}')"));
            app.MapGet("/rolled-back", async (IBoard board) =>
            {
                await Add(board);
                return Results.StatusCode(500);
            });
            app.MapControllers();
        },
        settings: new() { ["Replicated:AutoReadOnSlave"] = "false" },
        build: builder => builder.AddTheseControllers(typeof(AddingController)));

    [OneTimeSetUp]
    public static Task CreateFunction() => SharedCluster.Execute(
        SharedCluster.Master,
        "create or replace function add_post(id uuid) returns int language sql as $$ insert into post (id, title) values (id, 'function') returning 1 $$");

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [SetUp]
    public void Forget() => _app.Log.Entries.Clear();

    [TestCase("/add", "/add")]
    [TestCase("/execute", "GET /execute")]
    [TestCase("/returning", "GET /returning")]
    [TestCase("/function", "GET /function", Description = "only the database knows that this query wrote")]
    [TestCase("/adding", "AddingController.AddTwo")]
    public async Task A_get_that_wrote_is_named_once_with_the_remedy(string path, string name)
    {
        using var response = await _app.Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That(response.IsSuccessStatusCode, Is.True, () => $"{_app.Log.LastException}");
        var messages = _app.Log.Messages(Warning).ToArray();
        Assert.That(messages, Has.Length.EqualTo(1));
        Assert.That(messages[0], Does.Contain(name).And.Contain("[UseMaster]").And.Contain("AutoReadOnSlave"));
    }

    [TestCase("GET", "/read", Description = "only read")]
    [TestCase("POST", "/add", Description = "not a read-only verb")]
    [TestCase("GET", "/add/master", Description = "asks for the master already")]
    [TestCase("GET", "/rolled-back", Description = "wrote nothing in the end")]
    public async Task Nothing_is_said_of_requests_that_will_go_on_working(string verb, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        using var response = await _app.Client.SendAsync(request);
        Assert.That(_app.Log.Messages(Warning), Is.Empty);
    }

    [Test]
    public async Task Nothing_is_said_once_the_switch_is_on()
    {
        _app.Reload("Replicated:AutoReadOnSlave", "true");
        using var response = await _app.Client.GetAsync(new Uri("/read", UriKind.Relative));
        _app.Reload("Replicated:AutoReadOnSlave", "false");
        Assert.That(_app.Log.Messages(Warning), Is.Empty);
    }

    private static async Task Add(IBoard board) => await board.AddAsync(Guid.NewGuid());

    [Route("adding")]
    private sealed class AddingController(IBoard board) : ControllerBase
    {
        [HttpGet]
        public async Task<IActionResult> AddTwo()
        {
            await board.AddAsync(Guid.NewGuid());
            await board.WhereAsync();
            await board.AddAsync(Guid.NewGuid());
            return Ok();
        }
    }
}
