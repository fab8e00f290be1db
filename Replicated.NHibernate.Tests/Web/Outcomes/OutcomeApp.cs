using System.Net;
using System.Net.ServerSentEvents;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>Each way to answer, and what its client hears of each way to fail.</summary>
internal static class OutcomeApp
{
    public static string[] Ways { get; } =
    [
        "minimal text", "minimal redirect", "minimal 204", "minimal writer", "mvc text", "mvc redirect", "mvc nothing", "page", "sse", "websocket", "websocket 2", "grpc Add", "grpc Stream",
    ];

    /// <summary>None; around the scope; within it; and one that answers every exception with a redirect.</summary>
    public static string[] Handlers { get; } = ["none", "around", "inside", "redirecting"];

    public static Task<TestApp> StartAsync(UnitOfWork unit, Dictionary<string, string?>? settings = null) => TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        Pipeline,
        settings: settings,
        build: builder =>
        {
            builder.AddFreshBoard();
            builder.Services.AddGrpc();
            builder.Services.AddControllersWithViews();
            builder.Services.AddRazorPages().With(
                new TypesPart([typeof(OutcomeController)]), new CompiledPart(new CompiledItem("/Pages/Outcome.cshtml", typeof(EmptyPage<OutcomeModel>))));
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0, o => o.Protocols = HttpProtocols.Http1);
                kestrel.Listen(IPAddress.Loopback, 0, o => o.Protocols = HttpProtocols.Http2);
            });
        });

    /// <summary>Whether the client heard of a success.</summary>
    public static async Task<bool> Send(TestApp app, string way, string handler, Going going, Guid id)
    {
        var path = way == "page" ? $"/Outcome?going={going}&id={id}&handler={handler}"
            : $"/{way.Split(' ')[0]}/{way.Split(' ')[^1]}/{going}/{id}?handler={handler}";
        if (way.StartsWith("grpc", StringComparison.Ordinal))
        {
            return await GrpcClient.Call(app, way.Split(' ')[1], $"{going} {id}") == "0";
        }

        if (way.StartsWith("websocket", StringComparison.Ordinal))
        {
            return await Connect(app, way, $"/websocket/{going}/{id}?handler={handler}");
        }

        using var response = await app.Client.PostAsync(path, content: null);
        return response.StatusCode < HttpStatusCode.BadRequest;
    }

    private static async Task<bool> Connect(TestApp app, string way, string path)
    {
        using var socket = new ClientWebSocket();
        var address = app.Client.BaseAddress!;
        if (way == "websocket 2")
        {
            // By CONNECT.
            (socket.Options.HttpVersion, socket.Options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            address = GrpcClient.AddressOf(app);
        }

        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        try
        {
            await socket.ConnectAsync(new Uri($"ws://{address.Authority}{path}"), invoker, CancellationToken.None);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
            return true;
        }
        catch (WebSocketException)
        {
            return false;
        }
    }

    private static void Handle(WebApplication app, string handler, RequestDelegate answer) =>
        app.UseWhen(c => c.Request.Query["handler"] == handler, b => b.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = answer }));

    private static void Pipeline(WebApplication app)
    {
        app.UseWebSockets();
        Handle(app, "around", c => c.Response.WriteAsync("handled"));
        Handle(app, "redirecting", c =>
        {
            c.Response.Redirect("/somewhere");
            return Task.CompletedTask;
        });
        app.UseRouting();
        app.UseReplicatedSessions();
        Handle(app, "inside", c => c.Response.WriteAsync("handled"));
        app.MapGrpcService<GrpcPosts>();
        app.MapControllers();
        app.MapRazorPages();
        app.MapPost("/minimal/{way}/{going}/{id:guid}", Minimal);
        app.MapPost("/sse/sse/{going}/{id:guid}", async (Going going, Guid id, HttpContext context) =>
            await OutcomeWork.Do(context, going, id) ? Results.Conflict() : TypedResults.ServerSentEvents(Events()));
        app.MapMethods("/websocket/{going}/{id:guid}", ["GET", "CONNECT"], async (Going going, Guid id, HttpContext context) =>
        {
            if (await OutcomeWork.Do(context, going, id))
            {
                context.Response.StatusCode = StatusCodes.Status409Conflict;
                return;
            }

            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await socket.ReceiveAsync(new byte[16], CancellationToken.None);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        }).UseMaster();
    }

    private static async Task<IResult> Minimal(string way, Going going, Guid id, HttpContext context) =>
        await OutcomeWork.Do(context, going, id) ? Results.Conflict("a statement failed")
        : way switch
        {
            "redirect" => Results.Redirect("/somewhere"),
            "204" => Results.NoContent(),
            "writer" => Results.Stream(stream => stream.WriteAsync("done"u8.ToArray()).AsTask()),
            _ => Results.Text("done"),
        };

    private static async IAsyncEnumerable<SseItem<string>> Events()
    {
        await Task.Yield();
        yield return new SseItem<string>("done");
    }
}

[IgnoreAntiforgeryToken]
internal sealed class OutcomeController(IServiceProvider services) : ControllerBase
{
    [HttpPost("/mvc/{way}/{going}/{id:guid}")]
    public async Task<IActionResult> Add(string way, Going going, Guid id) =>
        await OutcomeWork.Do(services, going, id) ? Conflict() : way switch { "redirect" => Redirect("/somewhere"), "nothing" => NoContent(), _ => Content("done") };
}

[IgnoreAntiforgeryToken]
internal sealed class OutcomeModel(IServiceProvider services) : PageModel
{
    public async Task<IActionResult> OnPostAsync(Going going, Guid id) => await OutcomeWork.Do(services, going, id) ? new ConflictResult() : Page();
}

internal sealed class EmptyPage<TModel> : BoardPage<TModel>
    where TModel : PageModel
{
    public override Task ExecuteAsync()
    {
        WriteLiteral("done");
        return Task.CompletedTask;
    }
}
