using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>A wire to a server that can be cut, clogged and made long. It keeps its port as long as it lives.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly int _target;
    private readonly ConcurrentDictionary<TcpProxyConnection, bool> _connections = [];
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;
    private volatile TcpProxyMode _mode = TcpProxyMode.Open;

    private TcpProxy(int target) => _target = target;

    /// <summary>On 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>How many connections go through it now.</summary>
    public int Connections => _connections.Count;

    public static TcpProxy Start(PostgresNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Start(node.Port);
    }

    /// <param name="target">The server's port on 127.0.0.1.</param>
    public static TcpProxy Start(int target)
    {
        var proxy = new TcpProxy(target);
        while (true)
        {
            proxy.Port = FreePort.Next();
            try
            {
                proxy.Listen();
                return proxy;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
            }
        }
    }

    /// <summary>The server's connection string, through this proxy.</summary>
    public string Through(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = Port }.ConnectionString;

    /// <summary>Resets what is connected and refuses what comes.</summary>
    public async Task CutAsync()
    {
        _listener?.Dispose();
        _listener = null;
        await _accepting;
        await ResetAsync(_ => true);
    }

    /// <summary>Connections are taken and nothing is ever answered.</summary>
    public void Hang() => _mode = TcpProxyMode.Hanging;

    /// <summary>Each packet takes so much longer, in either direction.</summary>
    public void DelayTo(TimeSpan delay) => _mode = new TcpProxyMode(delay, Swallows: false);

    /// <summary>As at the start. What lost bytes while hanging is reset.</summary>
    public async Task RestoreAsync()
    {
        _mode = TcpProxyMode.Open;
        await ResetAsync(connection => connection.HasLostBytes);
        if (_listener is null)
        {
            Listen();
        }
    }

    public async ValueTask DisposeAsync() => await CutAsync();

    private void Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, Port);
        try
        {
            listener.Start();
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        _listener = listener;
        _accepting = AcceptAsync(listener);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptSocketAsync();
            }
            catch (Exception stopped) when (stopped is SocketException or InvalidOperationException)
            {
                return;
            }

            var connection = new TcpProxyConnection(client, () => _mode);
            _connections[connection] = true;
            _ = RunAsync(connection);
        }
    }

    private async Task RunAsync(TcpProxyConnection connection)
    {
        await connection.RunAsync(_target);
        _connections.TryRemove(connection, out _);
    }

    private Task ResetAsync(Func<TcpProxyConnection, bool> which) =>
        Task.WhenAll(_connections.Keys.Where(which).Select(connection => connection.ResetAsync()));
}
