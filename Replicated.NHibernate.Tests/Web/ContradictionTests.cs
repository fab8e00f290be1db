using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Both roles on one level: an error when the application starts, which names what it stands on.</summary>
[Promise(2), Promise(3)]
internal sealed class ContradictionTests
{
    [Test]
    public async Task Both_attributes_on_an_action_stop_the_start() =>
        Assert.That(await Start(app => app.MapControllers(), typeof(BothOnActionController)), Does.Contain("BothOnActionController.Undecided").And.Contain("Keep either"));

    [Test]
    public async Task Both_attributes_on_a_controller_stop_the_start() =>
        Assert.That(await Start(app => app.MapControllers(), typeof(BothOnControllerController)), Does.Contain("BothOnControllerController.Decided"));

    [Test]
    public async Task Both_attributes_on_an_inherited_controller_stop_the_start() =>
        Assert.That(await Start(app => app.MapControllers(), typeof(HeirController)), Does.Contain("HeirController.Decided"));

    [Test]
    public async Task Both_conventions_on_an_endpoint_stop_the_start() =>
        Assert.That(await Start(app => app.MapGet("/undecided", Nothing).UseMaster().UseSlave()), Does.Contain("GET /undecided"));

    [Test]
    public async Task Both_conventions_on_a_group_stop_the_start() =>
        Assert.That(await Start(app => app.MapGroup("/group").UseMaster().UseSlave().MapGet("/undecided", Nothing)), Does.Contain("GET /group/undecided"));

    [Test]
    public async Task Both_conventions_on_MapControllers_stop_the_start() =>
        Assert.That(await Start(app => app.MapControllers().UseMaster().UseSlave(), typeof(PlainController)), Does.Contain("PlainController.Where"));

    [Test]
    public async Task A_lambdas_attribute_against_its_own_convention_stops_the_start() =>
        Assert.That(await Start(app => app.MapGet("/undecided", [UseMaster] () => "").UseSlave()), Does.Contain("GET /undecided"));

    [Test]
    public async Task Both_attributes_on_a_hub_stop_the_start() =>
        Assert.That(await Start(app => app.MapHub<BothHub>("/hub")), Does.Contain(nameof(BothHub)));

    [Test]
    public async Task Both_attributes_on_a_hub_method_stop_the_start() =>
        Assert.That(await Start(app => app.MapHub<BothOnMethodHub>("/hub")), Does.Contain($"{nameof(BothOnMethodHub)}.{nameof(BothOnMethodHub.Undecided)}"));

    [Test]
    public async Task Every_contradiction_is_named_at_once() =>
        Assert.That(
            await Start(app => app.MapControllers(), typeof(BothOnActionController), typeof(BothOnControllerController)),
            Does.Contain(nameof(BothOnActionController)).And.Contain(nameof(BothOnControllerController)));

    [Test]
    public async Task Different_levels_may_ask_for_different_roles()
    {
        await using var app = await TestApp.StartAsync(
            UnitOfWork.Connection,
            app =>
            {
                var group = app.MapGroup("/group").UseMaster();
                group.MapGroup("/inner").UseSlave().MapGet("/endpoint", Nothing).UseMaster();
                group.MapControllers().UseSlave();
            },
            build: builder => builder.AddTheseControllers(typeof(LevelsController)));
        using var response = await app.Client.GetAsync(new Uri("group/levels", UriKind.Relative));
        Assert.That(response.IsSuccessStatusCode, Is.True);
    }

    private static async Task<string> Start(Action<WebApplication> map, params Type[] controllers)
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await using var app = await TestApp.StartAsync(UnitOfWork.Connection, map, build: builder =>
            {
                builder.Services.AddSignalR();
                builder.AddTheseControllers(controllers);
            });
        });
        return error!.Message;
    }

    private static string Nothing() => "";

    [Route("action")]
    private sealed class BothOnActionController : ControllerBase
    {
        [HttpGet, UseMaster, UseSlave]
        public string Undecided() => "";

        [HttpGet("decided")]
        public string Decided() => "";
    }

    [Route("controller"), UseMaster, UseSlave]
    private class BothOnControllerController : ControllerBase
    {
        [HttpGet, UseMaster]
        public string Decided() => "";
    }

    [Route("heir"), UseMaster]
    private sealed class HeirController : BothOnControllerController;

    [Route("plain")]
    private sealed class PlainController : ControllerBase
    {
        [HttpGet]
        public string Where() => "";
    }

    [Route("levels"), UseMaster]
    private class FatherController : ControllerBase
    {
        [HttpGet, UseMaster]
        public virtual string Levels() => "";
    }

    [UseSlave]
    private sealed class LevelsController : FatherController
    {
        [UseSlave]
        public override string Levels() => "";
    }

    [UseMaster, UseSlave]
    private sealed class BothHub : Hub;

    private sealed class BothOnMethodHub : Hub
    {
        [UseMaster, UseSlave]
        public string Undecided() => Context.ConnectionId;
    }
}
