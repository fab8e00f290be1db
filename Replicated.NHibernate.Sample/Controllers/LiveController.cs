using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Mvc;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Servers;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>The part of the page that changes by itself, once a second as long as the page is open. No session is asked for, so none is opened.</summary>
public sealed class LiveController(IServiceProvider services, TimeProvider clock) : Controller
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);

    [HttpGet("/live")]
    public IResult Live(CancellationToken cancellationToken) => TypedResults.ServerSentEvents(Pages(cancellationToken));

    private async IAsyncEnumerable<SseItem<string>> Pages([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var views = services.GetRequiredService<PartialViews>();
        while (!cancellationToken.IsCancellationRequested)
        {
            var servers = await services.GetRequiredService<IServerQuestion>().AskAsync(cancellationToken);
            yield return new SseItem<string>(await views.RenderAsync(this, "~/Views/Board/_Live.cshtml", new LivePage(servers, services.GetRequiredService<DemoServers>().AreOwn)));
            await Task.Delay(Pace, clock, cancellationToken);
        }
    }
}

/// <param name="Servers">What each said when it was asked just now.</param>
/// <param name="ServersAreOwn">Whether the sample started them, and may kill them.</param>
public sealed record LivePage(IReadOnlyList<ServerStatus> Servers, bool ServersAreOwn);
