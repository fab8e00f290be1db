using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>
/// Clients that send one request after another on a connection each. Bare sockets, so that most of the processor is left to what is measured.
/// </summary>
internal sealed class HttpLoad(byte[][] requests, string status, int connections)
{
    private readonly byte[] _expected = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} ");

    public static byte[] Request(string method, string path, string? json = null) => Encoding.ASCII.GetBytes(json is null
        ? $"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
        : $"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}");

    /// <returns>How many requests were answered as expected; another answer is an error.</returns>
    public async Task<long> RunAsync(IPEndPoint server, TimeSpan time)
    {
        var start = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, connections).Select(client => Task.Run(() => Client(client))));
        return counts.Sum();

        async Task<long> Client(int client)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(server);
            var buffer = new byte[4096];
            var count = 0L;
            // Each client begins somewhere else in the list.
            for (var next = client * 61; Stopwatch.GetElapsedTime(start) < time; next++, count++)
            {
                await socket.SendAsync(requests[next % requests.Length]);
                var length = await socket.ReceiveAsync(buffer);
                while (!IsWhole(buffer.AsSpan(0, length)))
                {
                    var more = await socket.ReceiveAsync(buffer.AsMemory(length));
                    length += more > 0 ? more : throw Unexpected(buffer.AsSpan(0, length));
                }

                if (!buffer.AsSpan().StartsWith(_expected))
                {
                    throw Unexpected(buffer.AsSpan(0, length));
                }
            }

            return count;
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return false;
        }

        var head = answer[..end];
        var body = answer[(end + 4)..];
        var at = head.IndexOf("Content-Length: "u8);
        return at < 0
            ? body.EndsWith("0\r\n\r\n"u8)
            : Utf8Parser.TryParse(head[(at + 16)..], out int expected, out _) && body.Length == expected;
    }

    private static InvalidOperationException Unexpected(ReadOnlySpan<byte> answer) => new($"A client got: {Encoding.UTF8.GetString(answer)}");
}
