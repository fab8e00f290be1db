using System.Net;
using System.Net.Sockets;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>One address behind which several servers stand: each new connection leads to the next of them, as a balancer's does.</summary>
internal sealed class AlternatingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _enough = new();
    private readonly int[] _targets;
    private readonly Task _accepting;
    private int _next;

    public AlternatingProxy(params int[] targets)
    {
        _targets = targets;
        _listener.Start();
        _accepting = Accept();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _enough.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                _ = Join(await _listener.AcceptTcpClientAsync(_enough.Token), _targets[_next++ % _targets.Length]);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task Join(TcpClient client, int target)
    {
        using var server = new TcpClient { NoDelay = true };
        using var _ = client;
        client.NoDelay = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, target, _enough.Token);
            await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream(), _enough.Token), server.GetStream().CopyToAsync(client.GetStream(), _enough.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // One of the two has gone.
        }
    }
}
