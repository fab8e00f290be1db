using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;

namespace Replicated.NHibernate.Web.Status;

/// <summary>
/// What open pages are sent: once a second the same text for all of them, made only while a page is open. One that is slow misses some. Thread-safe.
/// </summary>
internal sealed class StatusFeed(StatusReader reader, TimeProvider clock)
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private Task<string>? _next;

    public async IAsyncEnumerable<SseItem<string>> Read([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // At once, because a page that comes back after a while shows what was.
        yield return new SseItem<string>(Text()) { ReconnectionInterval = ReconnectAfter };
        while (await Next(cancellationToken) is { } text)
        {
            yield return new SseItem<string>(text);
        }
    }

    // Null when the page was closed or the application stops: neither is an error.
    private async Task<string?> Next(CancellationToken cancellationToken)
    {
        Task<string> next;
        lock (_lock)
        {
            next = _next is { IsCompleted: false } coming ? coming : _next = Produce();
        }

        try
        {
            return await next.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<string> Produce()
    {
        await Task.Delay(Pace, clock, CancellationToken.None);
        return Text();
    }

    private string Text() => StatusFragment.Of(reader.Read());
}
