using System.Globalization;
using System.Net;
using Replicated.NHibernate.Tests.Failover;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>A browser of its own, with its cookies, that does one thing after the other, and now and then two at once. What it does is told by the seed.</summary>
internal sealed class TortureClient : IDisposable
{
    private readonly int _number;
    private readonly int _clients;
    private readonly Random _random;
    private readonly TortureApp _app;
    private readonly Action<Operation> _history;
    private readonly HttpClient _http;
    private int _written;

    public TortureClient(TortureApp app, Action<Operation> history, int number, int clients, int seed)
    {
        (_app, _history, _number, _clients) = (app, history, number, clients);
        _random = new Random((seed * 1_000) + number);
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = app.Address, Timeout = TimeSpan.FromMinutes(1) };
    }

    public async Task Run(CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            await (_random.Next(20) switch
            {
                < 6 => Read(OperationKind.ReadOwn, _number),
                < 10 => Read(OperationKind.ReadOther, _random.Next(_clients)),
                < 12 => Read(OperationKind.ReadTwice, _random.Next(_clients)),
                < 15 => Write(OperationKind.Write, CancellationToken.None),
                < 17 => Write(OperationKind.WriteInBlock, CancellationToken.None),
                < 19 => Task.WhenAll(Write(OperationKind.Write, CancellationToken.None), Read(OperationKind.ReadOwn, _number), Read(OperationKind.ReadOther, _random.Next(_clients))),
                _ => Abort(),
            });
        }
    }

    public void Dispose() => _http.Dispose();

    private Task Read(OperationKind kind, int owner) =>
        Send(new Operation(_number, kind, owner), HttpMethod.Get, $"/{(kind == OperationKind.ReadTwice ? "twice" : "read")}/{owner}", CancellationToken.None);

    private Task Write(OperationKind kind, CancellationToken gone)
    {
        var operation = new Operation(_number, kind, _number) { Number = ++_written };
        var (method, path) = kind == OperationKind.WriteInBlock ? (HttpMethod.Get, "block") : (HttpMethod.Post, "write");
        return Send(operation, method, $"/{path}/{_number}/{operation.Number}", gone);
    }

    private async Task Abort()
    {
        using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(_random.Next(1, 10)));
        await Write(OperationKind.Abort, gone.Token);
    }

    private async Task Send(Operation operation, HttpMethod method, string path, CancellationToken gone)
    {
        var id = Guid.NewGuid().ToString();
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add(TortureApp.Header, id);
        operation = operation with { Began = Moment.Now };
        try
        {
            using var response = await _http.SendAsync(request, gone);
            var body = await response.Content.ReadAsStringAsync(gone);
            var thrown = _app.Thrown(id);
            operation = operation with
            {
                Ended = Moment.Now,
                Status = (int)response.StatusCode,
                HasRetryAfter = response.Headers.Contains("Retry-After"),
                Route = response.Headers.TryGetValues("Replicated-Route", out var route) ? route.First() : "",
                Seen = !operation.IsWrite && response.IsSuccessStatusCode ? [.. body.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))] : [],
                WasInFlight = TortureApp.WasInFlight(thrown),
                Thrown = thrown is null ? "" : $"{thrown.GetType().Name}: {thrown.GetBaseException().Message}",
            };
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException)
        {
            operation = operation with { Ended = Moment.Now, Thrown = e.GetType().Name };
        }

        _history(operation);
    }
}
