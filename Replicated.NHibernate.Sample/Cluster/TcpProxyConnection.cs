using System.Net;
using System.Net.Sockets;

namespace Replicated.NHibernate.Sample.Cluster;

internal sealed record TcpProxyMode(TimeSpan Delay, bool Swallows)
{
    internal static readonly TcpProxyMode Open = new(TimeSpan.Zero, Swallows: false);
    internal static readonly TcpProxyMode Hanging = new(TimeSpan.Zero, Swallows: true);
}

/// <summary>One connection through the proxy: two pumps, which end together.</summary>
internal sealed class TcpProxyConnection(Socket client, Func<TcpProxyMode> mode)
{
    private readonly TaskCompletionSource _resetAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _hasLostBytes;

    internal bool HasLostBytes => _hasLostBytes;

    internal async Task RunAsync(int target)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var stop = new CancellationTokenSource();
        client.NoDelay = true;
        try
        {
            await server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, target));
            var first = await Task.WhenAny(PumpAsync(client, server, stop.Token), PumpAsync(server, client, stop.Token), _resetAsked.Task);
            await stop.CancelAsync();
            await first;
        }
        catch (SocketException)
        {
            _resetAsked.TrySetResult(); // the other side is to see the same
        }
        finally
        {
            if (_resetAsked.Task.IsCompleted)
            {
                client.LingerState = new LingerOption(enable: true, seconds: 0); // an RST, not an orderly end
            }

            client.Dispose();
            _ended.SetResult();
        }
    }

    internal Task ResetAsync()
    {
        _resetAsked.TrySetResult();
        return _ended.Task;
    }

    private async Task PumpAsync(Socket from, Socket to, CancellationToken cancellationToken)
    {
        var buffer = new byte[32 * 1024];
        while (await from.ReceiveAsync(buffer, cancellationToken) is var count and > 0)
        {
            var now = mode();
            if (now.Delay > TimeSpan.Zero)
            {
                await Task.Delay(now.Delay, cancellationToken);
            }

            if (now.Swallows)
            {
                _hasLostBytes = true;
                continue;
            }

            for (var sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), cancellationToken);
            }
        }
    }
}
