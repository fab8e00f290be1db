using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A wire to a server that counts its round trips: how often the client speaks after the server has spoken.</summary>
internal sealed class CountedWire : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly StringBuilder _sent = new();
    private readonly int _target;
    private int _roundTrips;

    public CountedWire(PostgresNode node)
    {
        _target = node.Port;
        _listener.Start();
        _ = Accept();
    }

    public int RoundTrips => Volatile.Read(ref _roundTrips);

    /// <summary>Everything that clients have sent, statements among it.</summary>
    public string Sent
    {
        get
        {
            lock (_sent)
            {
                return _sent.ToString();
            }
        }
    }

    public string Through(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.ConnectionString;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            _ = PublishToken(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
    }

    private async Task PublishToken(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, _target);
            var hasServerSpoken = 1;
            await Task.WhenAny(
                Pump(client, server, bytes =>
                {
                    lock (_sent)
                    {
                        _sent.Append(Encoding.ASCII.GetString(bytes.Span));
                    }

                    Interlocked.Add(ref _roundTrips, Interlocked.Exchange(ref hasServerSpoken, 0));
                }),
                Pump(server, client, _ => Volatile.Write(ref hasServerSpoken, 1)));
        }
    }

    // What is seen is noted before it is passed on, so that the answer to it comes later.
    private async Task Pump(TcpClient from, TcpClient to, Action<ReadOnlyMemory<byte>> seen)
    {
        var buffer = new byte[64 * 1024];
        while (await from.GetStream().ReadAsync(buffer, _stop.Token) is var count and > 0)
        {
            seen(buffer.AsMemory(0, count));
            await to.GetStream().WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }
    }
}
