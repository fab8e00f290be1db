using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Where UseSnapshot may stand. PostgreSQL itself says at which level it ran, and where: it chooses no role.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class SnapshotPlacementTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(unit, Map, build: builder =>
    {
        builder.AddTheseControllers(typeof(PlainController), typeof(HeirController), typeof(TurnedController));
        builder.Services.AddRazorPages().With(
            new TypesPart([typeof(PlainController), typeof(HeirController), typeof(TurnedController)]),
            new CompiledPart([.. new[] { typeof(PlainPageModel), typeof(TokenedPageModel), typeof(HeirPageModel) }.Select(m => new CompiledItem($"/Pages/{m.Name[..^"Model".Length]}.cshtml", typeof(LevelPage<>).MakeGenericType(m))),
                new CompiledItem("/Pages/Itself.cshtml", typeof(TokenedPage))]));
        builder.Services.AddSignalR(o => o.EnableDetailedErrors = true);
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "get", true, false)]
    [TestCase("GET", "get/snapshot", true, true, Description = "the endpoint's convention")]
    [TestCase("POST", "post/snapshot", false, true, Description = "a POST stays on the master")]
    [TestCase("GET", "get/snapshot/master", false, true)]
    [TestCase("GET", "lambda", true, true, Description = "an attribute on a lambda")]
    [TestCase("GET", "method", true, true, Description = "an attribute on a method")]
    [TestCase("GET", "delegate", true, true, Description = "a RequestDelegate's convention")]
    [TestCase("GET", "metadata", true, true, Description = "the attribute as metadata")]
    [TestCase("GET", "group/plain", true, true, Description = "the group's convention")]
    [TestCase("GET", "group/inner/plain", true, true, Description = "the outer group's convention")]
    [TestCase("GET", "plain", true, false)]
    [TestCase("GET", "plain/tokened", true, true, Description = "the action's attribute")]
    [TestCase("GET", "heir/plain", true, true, Description = "the inherited controller's attribute")]
    [TestCase("GET", "turned/overridden", true, true, Description = "an overridden action keeps its attribute")]
    [TestCase("GET", "turned/plain", true, false)]
    public async Task Wherever_it_stands(string verb, string path, bool onSlave, bool isSnapshot) =>
        Assert.That(await _app.Send<Level>(new HttpMethod(verb), path), Is.EqualTo(new Level(isSnapshot, onSlave)));

    [TestCase("PlainPage", false)]
    [TestCase("TokenedPage", true)]
    [TestCase("Itself", true, Description = "the page's own attribute")]
    [TestCase("HeirPage", true, Description = "the inherited model's attribute")]
    public async Task A_pages_handler_and_its_view_are_of_one_moment(string page, bool isSnapshot)
    {
        var levels = await _app.Get<Level[]>(page);
        Assert.That(levels, Is.EqualTo(new[] { new Level(isSnapshot, OnSlave: true), new Level(isSnapshot, OnSlave: true) }));
    }

    [Test]
    public async Task An_attribute_on_a_page_handler_where_it_would_do_nothing_stops_the_start()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            TestApp.StartAsync(unit, app => app.MapRazorPages(), build: builder => builder.AddPagesOf(typeof(OnHandlerModel))));
        Assert.That(error!.Message, Does.Contain($"{nameof(OnHandlerModel)}.{nameof(OnHandlerModel.OnPutAsync)}").And.Contain("[UseSnapshot]").And.Contain("the page's model"));
    }

    [TestCase("hub", "Plain", false, false, Description = "a hub has no verb")]
    [TestCase("hub", "Tokened", false, true, Description = "the method's attribute")]
    [TestCase("hub", "TokenedOnSlave", true, true)]
    [TestCase("hub", "Connected", false, false, Description = "OnConnectedAsync")]
    [TestCase("by-convention", "Plain", false, true, Description = "the endpoint's convention")]
    [TestCase("by-convention", "Connected", false, true)]
    [TestCase("tokened-hub", "Plain", false, true, Description = "the hub's attribute")]
    [TestCase("injected", "Plain", false, false)]
    [TestCase("injected", "Tokened", false, true, Description = "a session in the hub's constructor")]
    public async Task On_hubs_and_their_methods(string hub, string method, bool onSlave, bool isSnapshot)
    {
        await using var client = await HubClient.ConnectAsync(_app.Client.BaseAddress!, hub);
        Assert.That(await client.Invoke<Level>(method), Is.EqualTo(new Level(isSnapshot, onSlave)));
    }

    [TestCase("hub", false)]
    [TestCase("by-convention", true)]
    public async Task A_stream_is_of_one_moment_until_it_ends(string hub, bool isSnapshot)
    {
        await using var client = await HubClient.ConnectAsync(_app.Client.BaseAddress!, hub);
        Assert.That(await client.Stream<Level>("Levels"), Is.EqualTo(new[] { new Level(isSnapshot, OnSlave: true), new Level(isSnapshot, OnSlave: true) }));
    }

    private static void Map(WebApplication app)
    {
        app.MapGet("/get", Ask);
        app.MapGet("/get/snapshot", Ask).UseSnapshot();
        app.MapPost("/post/snapshot", Ask).UseSnapshot();
        app.MapGet("/get/snapshot/master", Ask).UseSnapshot().UseMaster();
        app.MapGet("/lambda", [UseSnapshot] (IBoard board) => Level.Of(board));
        app.MapGet("/method", Tokened);
        app.MapGet("/delegate", async (HttpContext context) => await context.Response.WriteAsJsonAsync(await Level.Of(context.RequestServices.GetRequiredService<IBoard>()))).UseSnapshot();
        app.MapGet("/metadata", Ask).WithMetadata(new UseSnapshotAttribute());
        var group = app.MapGroup("/group").UseSnapshot();
        group.MapGet("/plain", Ask);
        group.MapGroup("/inner").MapGet("/plain", Ask);
        app.MapControllers();
        app.MapRazorPages();
        app.MapHub<LevelHub>("/hub");
        app.MapHub<LevelHub>("/by-convention").UseSnapshot();
        app.MapHub<TokenedHub>("/tokened-hub");
        app.MapHub<InjectedHub>("/injected");
    }

    private static Task<Level> Ask(IBoard board) => Level.Of(board);

    [UseSnapshot]
    private static Task<Level> Tokened(IBoard board) => Level.Of(board);

    private sealed record Level(bool IsSnapshot, bool OnSlave)
    {
        public static async Task<Level> Of(IBoard board)
        {
            var told = await board.ScalarAsync("select case current_setting('transaction_isolation') when 'repeatable read' then 1 else 0 end");
            return new Level(told == 1, (await board.WhereAsync()).InRecovery);
        }
    }

    [Route("plain")]
    private sealed class PlainController(IBoard board) : ControllerBase
    {
        [HttpGet]
        public Task<Level> Plain() => Level.Of(board);

        [HttpGet("tokened"), UseSnapshot]
        public Task<Level> Tokened() => Level.Of(board);
    }

    [UseSnapshot]
    private abstract class FatherController(IBoard board) : ControllerBase
    {
        [HttpGet("plain")]
        public Task<Level> Plain() => Level.Of(board);
    }

    [Route("heir")]
    private sealed class HeirController(IBoard board) : FatherController(board);

    private abstract class OverriddenController(IBoard board) : ControllerBase
    {
        [HttpGet("overridden"), UseSnapshot]
        public virtual Task<Level> Overridden() => Level.Of(board);

        [HttpGet("plain")]
        public Task<Level> Plain() => Level.Of(board);
    }

    [Route("turned")]
    private sealed class TurnedController(IBoard board) : OverriddenController(board)
    {
        public override Task<Level> Overridden() => base.Overridden();
    }

    private class LevelPage<TModel> : BoardPage<TModel>
        where TModel : LevelModel
    {
        public override async Task ExecuteAsync() =>
            WriteLiteral(JsonSerializer.Serialize(new[] { Model.Found!, await Level.Of(Board) }, JsonSerializerOptions.Web));
    }

    [UseSnapshot]
    private sealed class TokenedPage : LevelPage<PlainPageModel>;

    private abstract class LevelModel(IBoard board) : PageModel
    {
        public Level? Found { get; private set; }

        public async Task OnGetAsync() => Found = await Level.Of(board);
    }

    private sealed class PlainPageModel(IBoard board) : LevelModel(board);

    [UseSnapshot]
    private class TokenedPageModel(IBoard board) : LevelModel(board);

    private sealed class HeirPageModel(IBoard board) : TokenedPageModel(board);

    private sealed class OnHandlerModel(IBoard board) : WhereModel(board)
    {
        [UseSnapshot]
        public Task OnPutAsync() => OnGetAsync();
    }

    private class LevelHub(IServiceProvider services) : Hub
    {
        private IBoard Board => services.GetRequiredService<IBoard>();

        public override async Task OnConnectedAsync() => Context.Items["level"] = await Level.Of(Board);

        public Level Connected() => (Level)Context.Items["level"]!;

        public Task<Level> Plain() => Level.Of(Board);

        [UseSnapshot]
        public Task<Level> Tokened() => Level.Of(Board);

        [UseSnapshot, UseSlave]
        public Task<Level> TokenedOnSlave() => Level.Of(Board);

        [UseSlave]
        public async IAsyncEnumerable<Level> Levels([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var board = Board;
            cancellationToken.ThrowIfCancellationRequested();
            yield return await Level.Of(board);
            yield return await Level.Of(board);
        }
    }

    [UseSnapshot]
    private sealed class TokenedHub(IServiceProvider services) : LevelHub(services);

    private sealed class InjectedHub(IBoard board) : Hub
    {
        public Task<Level> Plain() => Level.Of(board);

        [UseSnapshot]
        public Task<Level> Tokened() => Level.Of(board);
    }
}
