using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>As much of SignalR's JSON protocol as calling a method and hearing its result takes. Not thread-safe.</summary>
internal sealed class HubClient : IAsyncDisposable
{
    private const char End = '\u001e';
    private readonly ClientWebSocket _socket = new();
    private readonly Queue<string> _received = new();
    private string _partial = "";
    private int _invocations;

    public static async Task<HubClient> ConnectAsync(Uri app, string path)
    {
        var client = new HubClient();
        await client._socket.ConnectAsync(new UriBuilder(app) { Scheme = "ws", Path = path }.Uri, CancellationToken.None);
        await client.Send("""{"protocol":"json","version":1}""");
        Assert.That(await client.Receive(), Is.EqualTo("{}"), "the handshake");
        return client;
    }

    /// <summary>The result of a hub method; an error it answers with fails the test.</summary>
    public async Task<T> Invoke<T>(string method, params object[] arguments)
    {
        var completion = await Complete(1, method, arguments);
        Assert.That(completion["error"], Is.Null);
        return completion["result"].Deserialize<T>(JsonSerializerOptions.Web)!;
    }

    /// <summary>The error of a hub method.</summary>
    public async Task<string> Fail(string method, params object[] arguments) =>
        (await Complete(1, method, arguments))["error"]?.GetValue<string>() ?? throw new AssertionException($"{method} did not fail.");

    /// <summary>The items that a streaming hub method sends.</summary>
    public async Task<List<T>> Stream<T>(string method, params object[] arguments)
    {
        var items = new List<T>();
        var completion = await Complete(4, method, arguments, item => items.Add(item.Deserialize<T>(JsonSerializerOptions.Web)!));
        Assert.That(completion["error"], Is.Null);
        return items;
    }

    public async ValueTask DisposeAsync()
    {
        if (_socket.State == WebSocketState.Open)
        {
            await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, CancellationToken.None);
        }

        _socket.Dispose();
    }

    private async Task<JsonNode> Complete(int type, string method, object[] arguments, Action<JsonNode>? item = null)
    {
        var id = (++_invocations).ToString();
        await Send(JsonSerializer.Serialize(new { type, invocationId = id, target = method, arguments }));
        while (true)
        {
            var message = JsonNode.Parse(await Receive())!;
            if (message["invocationId"]?.GetValue<string>() != id)
            {
                continue;
            }

            if (message["type"]!.GetValue<int>() == 3)
            {
                return message;
            }

            item?.Invoke(message["item"]!);
        }
    }

    private Task Send(string message) =>
        _socket.SendAsync(Encoding.UTF8.GetBytes(message + End), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    private async Task<string> Receive()
    {
        var buffer = new byte[4096];
        while (_received.Count == 0)
        {
            var read = await _socket.ReceiveAsync(buffer, CancellationToken.None);
            Assert.That(read.MessageType, Is.EqualTo(WebSocketMessageType.Text), "the server closed the connection");
            var records = (_partial + Encoding.UTF8.GetString(buffer, 0, read.Count)).Split(End);
            _partial = records[^1];
            Array.ForEach(records[..^1], _received.Enqueue);
        }

        return _received.Dequeue();
    }
}
