using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>A request that is sent again and again, and the response to it.</summary>
internal sealed class MemoryExchange : IHttpRequestFeature, IHttpResponseFeature, IHttpResponseBodyFeature, IHttpRequestLifetimeFeature, IHttpRequestBodyDetectionFeature, IRequestBodyPipeFeature
{
    private readonly MemoryPipeReader _reader;
    private readonly bool _hasBody;
    private readonly MemoryWriter _writer;
    private readonly HeaderDictionary _response = [];
    private readonly List<(Func<object, Task> Callback, object State)> _starting = [], _completed = [];
    private readonly int _expected;

    public MemoryExchange(string method, string path, int expected, string? json = null)
    {
        (Method, Path, RawTarget, _expected) = (method, path, path, expected);
        var body = Encoding.UTF8.GetBytes(json ?? "");
        (_writer, _reader, _hasBody) = (new MemoryWriter(Start), new MemoryPipeReader(body), body.Length > 0);
        (Headers, Body) = (new HeaderDictionary(), _reader.AsStream());
        (Headers.Host, Headers.Accept) = ("localhost", "application/json");
        Stream = _writer.AsStream(leaveOpen: true);
        if (json is not null)
        {
            (Headers.ContentType, Headers.ContentLength) = ("application/json", body.Length);
        }
    }

    public string Method { get; set; }

    public string Scheme { get; set; } = "http";

    public string Protocol { get; set; } = "HTTP/1.1";

    public string PathBase { get; set; } = "";

    public string Path { get; set; }

    public string QueryString { get; set; } = "";

    public string RawTarget { get; set; }

    public IHeaderDictionary Headers { get; set; }

    public Stream Body { get; set; }

    public bool CanHaveBody => _hasBody;

    public CancellationToken RequestAborted { get; set; }

    public int StatusCode { get; set; } = StatusCodes.Status200OK;

    public string? ReasonPhrase { get; set; }

    public bool HasStarted { get; private set; }

    public Stream Stream { get; }

    public PipeReader Reader => _reader;

    public PipeWriter Writer => _writer;

    public ReadOnlySpan<byte> Sent => _writer.Sent;

    IHeaderDictionary IHttpResponseFeature.Headers { get => _response; set => throw new NotSupportedException(); }

    Stream IHttpResponseFeature.Body { get => Stream; set => throw new NotSupportedException(); }

    /// <exception cref="InvalidOperationException">It has not completed, so that something waited although there was nothing to wait for.</exception>
    public static void Finished(Task task)
    {
        if (!task.IsCompleted)
        {
            throw new InvalidOperationException("The pipeline waited although there was nothing to wait for.");
        }

        task.GetAwaiter().GetResult();
    }

    /// <summary>Ready to be sent once more.</summary>
    public void Put(FeatureCollection features)
    {
        (StatusCode, HasStarted) = (StatusCodes.Status200OK, false);
        _reader.Rewind();
        _response.Clear();
        _writer.Clear();
        features.Set<IHttpRequestFeature>(this);
        features.Set<IHttpResponseFeature>(this);
        features.Set<IHttpResponseBodyFeature>(this);
        features.Set<IHttpRequestLifetimeFeature>(this);
        features.Set<IHttpRequestBodyDetectionFeature>(this);
        features.Set<IRequestBodyPipeFeature>(this);
    }

    public void Complete()
    {
        Start();
        RunLastFirst(_completed);
        if (StatusCode != _expected)
        {
            throw new InvalidOperationException($"{Method} {Path} was answered with {StatusCode}: {Encoding.UTF8.GetString(Sent)}");
        }
    }

    public void Abort() => throw new InvalidOperationException("The request was aborted.");

    public void OnStarting(Func<object, Task> callback, object state) => _starting.Add((callback, state));

    public void OnCompleted(Func<object, Task> callback, object state) => _completed.Add((callback, state));

    public void DisableBuffering()
    {
    }

    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        Start();
        return Task.CompletedTask;
    }

    public Task CompleteAsync() => StartAsync();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private void Start()
    {
        if (!HasStarted)
        {
            HasStarted = true;
            RunLastFirst(_starting);
        }
    }

    private static void RunLastFirst(List<(Func<object, Task> Callback, object State)> callbacks)
    {
        for (var i = callbacks.Count - 1; i >= 0; i--)
        {
            Finished(callbacks[i].Callback(callbacks[i].State));
        }

        callbacks.Clear();
    }
}
