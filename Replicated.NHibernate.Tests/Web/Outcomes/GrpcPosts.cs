using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>A gRPC service, as its compiler would have written it, over plain bytes: what a call is to do, and the post's id.</summary>
[BindServiceMethod(typeof(GrpcPostsBase), nameof(BindService))]
internal abstract class GrpcPostsBase
{
    private static readonly Marshaller<byte[]> Bytes = new(b => b, b => b);
    private static readonly Method<byte[], byte[]> Unary = new(MethodType.Unary, "posts", nameof(Add), Bytes, Bytes);
    private static readonly Method<byte[], byte[]> Streaming = new(MethodType.ServerStreaming, "posts", nameof(Stream), Bytes, Bytes);

    public static void BindService(ServiceBinderBase binder, GrpcPostsBase? service)
    {
        binder.AddMethod(Unary, service is null ? null! : service.Add);
        binder.AddMethod(Streaming, service is null ? null! : service.Stream);
    }

    public abstract Task<byte[]> Add(byte[] request, ServerCallContext context);

    public abstract Task Stream(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context);
}

internal sealed class GrpcPosts : GrpcPostsBase
{
    /// <summary>What a call waits for that is to go on after its deadline.</summary>
    public static TaskCompletionSource Ended { get; set; } = new();

    /// <summary>How many rows of its own such a call sees after its deadline.</summary>
    public static long Seen { get; set; }

    /// <summary>Done when the request of such a call has ended on the server, too.</summary>
    public static TaskCompletionSource Returned { get; set; } = new();

    public override async Task<byte[]> Add(byte[] request, ServerCallContext context)
    {
        await Work(request, context);
        return "done"u8.ToArray();
    }

    public override async Task Stream(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        await Work(request, context);
        await responses.WriteAsync("one"u8.ToArray());
        await responses.WriteAsync("two"u8.ToArray());
    }

    private static async Task Work(byte[] request, ServerCallContext context)
    {
        var parts = Encoding.UTF8.GetString(request).Split(' ');
        var id = Guid.Parse(parts[1]);
        var http = context.GetHttpContext();
        switch (parts[0])
        {
            case "RpcException":
                await http.RequestServices.GetFreshBoard().AddAsync(id);
                throw new RpcException(new Grpc.Core.Status(StatusCode.AlreadyExists, "on purpose"));
            case "Status":
                await http.RequestServices.GetFreshBoard().AddAsync(id);
                context.Status = new Grpc.Core.Status(StatusCode.AlreadyExists, "on purpose");
                break;
            case "Deadline":
                var board = http.RequestServices.GetFreshBoard();
                await board.ExecuteAsync($"insert into post (id, title) values ('{id}', 'x')");
                context.CancellationToken.Register(Ended.SetResult);
                http.Response.RegisterForDisposeAsync(new WhenDisposed());
                await Ended.Task;
                Seen = await board.ScalarAsync($"select count(*) from post where id = '{id}'");
                break;
            case var going when await OutcomeWork.Do(http, Enum.Parse<Going>(going), id):
                throw new RpcException(new Grpc.Core.Status(StatusCode.Aborted, "a statement failed"));
        }
    }
}

// The server disposes it when all middleware has returned.
internal sealed class WhenDisposed : IAsyncDisposable
{
    public ValueTask DisposeAsync()
    {
        GrpcPosts.Returned.TrySetResult();
        return ValueTask.CompletedTask;
    }
}

internal static class GrpcClient
{
    /// <summary>The second address speaks HTTP/2.</summary>
    public static Uri AddressOf(TestApp app) => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Last());

    /// <summary>Calls a method of <see cref="GrpcPosts"/>, and gives the status that its client hears.</summary>
    public static async Task<string> Call(TestApp app, string method, string request, string? timeout = null)
    {
        var payload = Encoding.UTF8.GetBytes(request);
        var framed = new byte[payload.Length + 5];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), payload.Length);
        payload.CopyTo(framed, 5);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(AddressOf(app), $"posts/{method}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(framed),
        };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (timeout is not null)
        {
            message.Headers.Add("grpc-timeout", timeout);
        }

        using var response = await app.Client.SendAsync(message);
        await response.Content.ReadAsByteArrayAsync();
        return response.TrailingHeaders.TryGetValues("grpc-status", out var late) || response.Headers.TryGetValues("grpc-status", out late) ? late.Single() : $"HTTP {(int)response.StatusCode}";
    }
}
