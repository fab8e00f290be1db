using System.Net;
using System.Net.Sockets;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>
/// A port that nobody listens on. Not from the range that outgoing connections get theirs from: one of those could take the port of
/// a stopped server, or a client that dials a stopped server could be connected to itself.
/// </summary>
public static class FreePort
{
    private const int First = 15_000;
    private const int AfterLast = 32_000;

    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = Random.Shared.Next(First, AfterLast);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
            }
        }

        throw new InvalidOperationException($"No free port between {First} and {AfterLast} on 127.0.0.1.");
    }
}
