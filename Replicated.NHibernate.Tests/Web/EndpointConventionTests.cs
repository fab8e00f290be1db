using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Minimal endpoints, groups and the conventions of MapControllers. PostgreSQL itself says where it ran.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class EndpointConventionTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(unit, Map, build: builder => builder.AddTheseControllers(typeof(TurnedController)));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "get", true, Description = "the verb")]
    [TestCase("GET", "get/master", false, Description = "the endpoint's convention")]
    [TestCase("POST", "post/slave", true)]
    [TestCase("GET", "lambda/master", false, Description = "an attribute on a lambda")]
    [TestCase("POST", "lambda/slave", true)]
    [TestCase("GET", "method/master", false, Description = "an attribute on a method")]
    [TestCase("POST", "delegate/slave", true, Description = "a RequestDelegate's convention")]
    [TestCase("GET", "metadata/master", false, Description = "the attribute as metadata")]
    [TestCase("POST", "on-slave/plain", true, Description = "the group's convention")]
    [TestCase("GET", "on-slave/master", false, Description = "the endpoint over its group")]
    [TestCase("GET", "on-slave/lambda", false, Description = "a lambda's attribute over its group")]
    [TestCase("POST", "on-slave/inner/plain", true, Description = "an inner group says nothing")]
    [TestCase("GET", "on-slave/turned/plain", false, Description = "the inner group over the outer")]
    [TestCase("POST", "on-slave/turned/slave", true, Description = "the endpoint over both groups")]
    [TestCase("POST", "turned", true, Description = "MapControllers().UseSlave()")]
    [TestCase("GET", "turned/master", false, Description = "the action over MapControllers().UseSlave()")]
    [Promise(1), Promise(2), Promise(3)]
    public async Task The_most_specific_convention_decides(string verb, string path, bool onSlave)
    {
        var place = await _app.Send<Place>(new HttpMethod(verb), path);
        Assert.That(place.InRecovery, Is.EqualTo(onSlave));
    }

    private static void Map(WebApplication app)
    {
        app.MapGet("/get", Where);
        app.MapGet("/get/master", Where).UseMaster();
        app.MapPost("/post/slave", Where).UseSlave();
        app.MapGet("/lambda/master", [UseMaster] (IBoard board) => board.WhereAsync());
        app.MapPost("/lambda/slave", [UseSlave] (IBoard board) => board.WhereAsync());
        app.MapGet("/method/master", OnMaster);
        app.MapPost("/delegate/slave", async (HttpContext context) =>
            await context.Response.WriteAsJsonAsync(await context.RequestServices.GetRequiredService<IBoard>().WhereAsync())).UseSlave();
        app.MapGet("/metadata/master", Where).WithMetadata(new UseMasterAttribute());
        var group = app.MapGroup("/on-slave").UseSlave();
        group.MapPost("/plain", Where);
        group.MapGet("/master", Where).UseMaster();
        group.MapGet("/lambda", [UseMaster] (IBoard board) => board.WhereAsync());
        group.MapGroup("/inner").MapPost("/plain", Where);
        var turned = group.MapGroup("/turned").UseMaster();
        turned.MapGet("/plain", Where);
        turned.MapPost("/slave", Where).UseSlave();
        app.MapControllers().UseSlave();
    }

    private static Task<Place> Where(IBoard board) => board.WhereAsync();

    [UseMaster]
    private static Task<Place> OnMaster(IBoard board) => board.WhereAsync();

    [Route("turned")]
    private sealed class TurnedController(IBoard board) : ControllerBase
    {
        [HttpPost]
        public Task<Place> Where() => board.WhereAsync();

        [HttpGet("master"), UseMaster]
        public Task<Place> OnMaster() => board.WhereAsync();
    }
}
