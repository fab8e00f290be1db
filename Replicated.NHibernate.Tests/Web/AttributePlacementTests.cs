using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Where the attributes may stand on controllers, and which of several wins. PostgreSQL itself says where it ran.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class AttributePlacementTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app => app.MapControllers(),
        build: builder => builder.AddTheseControllers(
            typeof(PlainController), typeof(OnMasterController), typeof(OnSlaveController), typeof(HeirController), typeof(RebelController), typeof(GenericController)));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "plain", true, Description = "the verb")]
    [TestCase("POST", "plain", false)]
    [TestCase("GET", "plain/master", false, Description = "the action")]
    [TestCase("POST", "plain/slave", true)]
    [TestCase("GET", "onmaster", false, Description = "the controller")]
    [TestCase("GET", "onmaster/slave", true, Description = "the action over the controller")]
    [TestCase("POST", "onmaster/slave", true)]
    [TestCase("POST", "onslave", true)]
    [TestCase("GET", "onslave/master", false)]
    [TestCase("GET", "heir/plain", false, Description = "the inherited controller's attribute")]
    [TestCase("POST", "heir/tokened", true, Description = "the inherited action's")]
    [TestCase("GET", "heir/overridden", false)]
    [TestCase("POST", "rebel/plain", true, Description = "the heir's own over the inherited controller's")]
    [TestCase("POST", "rebel/tokened", true)]
    [TestCase("GET", "rebel/overridden", false, Description = "an overridden action keeps its attribute, over the heir's own")]
    [TestCase("POST", "rebel/turned", true, Description = "an override's own attribute over that of what it overrides")]
    [TestCase("GET", "generic/where", false, Description = "an action that overrides one of a generic controller")]
    [Promise(1), Promise(2), Promise(3)]
    public async Task The_most_specific_attribute_decides(string verb, string path, bool onSlave)
    {
        var place = await _app.Send<Place>(new HttpMethod(verb), path);
        Assert.That(place.InRecovery, Is.EqualTo(onSlave));
    }

    [Route("plain")]
    private sealed class PlainController(IBoard board) : ControllerBase
    {
        [HttpGet, HttpPost]
        public Task<Place> Where() => board.WhereAsync();

        [HttpGet("master"), UseMaster]
        public Task<Place> OnMaster() => board.WhereAsync();

        [HttpPost("slave"), UseSlave]
        public Task<Place> OnSlave() => board.WhereAsync();
    }

    [Route("onmaster"), UseMaster]
    private sealed class OnMasterController(IBoard board) : ControllerBase
    {
        [HttpGet]
        public Task<Place> Where() => board.WhereAsync();

        [HttpGet("slave"), HttpPost("slave"), UseSlave]
        public Task<Place> OnSlave() => board.WhereAsync();
    }

    [Route("onslave"), UseSlave]
    private sealed class OnSlaveController(IBoard board) : ControllerBase
    {
        [HttpPost]
        public Task<Place> Where() => board.WhereAsync();

        [HttpGet("master"), UseMaster]
        public Task<Place> OnMaster() => board.WhereAsync();
    }

    [UseMaster]
    private abstract class FatherController(IBoard board) : ControllerBase
    {
        [HttpGet("plain"), HttpPost("plain")]
        public Task<Place> Plain() => board.WhereAsync();

        [HttpPost("tokened"), UseSlave]
        public Task<Place> Tokened() => board.WhereAsync();

        [HttpGet("overridden"), UseMaster]
        public virtual Task<Place> Overridden() => board.WhereAsync();

        [HttpPost("turned"), UseMaster]
        public virtual Task<Place> Turned() => board.WhereAsync();
    }

    [Route("heir")]
    private sealed class HeirController(IBoard board) : FatherController(board);

    [Route("rebel"), UseSlave]
    private sealed class RebelController(IBoard board) : FatherController(board)
    {
        public override Task<Place> Overridden() => base.Overridden();

        [UseSlave]
        public override Task<Place> Turned() => base.Turned();
    }

    private abstract class GenericController<T>(IBoard board) : ControllerBase
    {
        [HttpGet("where"), UseMaster]
        public virtual Task<Place> Where(T value) => board.WhereAsync();
    }

    [Route("generic")]
    private sealed class GenericController(IBoard board) : GenericController<int>(board)
    {
        public override Task<Place> Where(int value) => base.Where(value);
    }
}
