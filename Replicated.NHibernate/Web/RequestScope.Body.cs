using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Http.Features;

namespace Replicated.NHibernate.Web;

/// <summary>
/// Stands in front of the server's response body, so that no byte leaves before its commit, and so that a commit that fails is an
/// exception in whoever writes, which the application's error handling sees.
/// </summary>
internal sealed partial class RequestScope : IHttpResponseBodyFeature
{
    private IHttpResponseBodyFeature _server = null!;
    private GatedStream? _stream;
    private GatedPipeWriter? _writer;
    private bool _isOpen;
    private ExceptionDispatchInfo? _failedCommit;

    public Stream Stream => PassesBy ? _server.Stream : _stream ??= new GatedStream(this);

    public PipeWriter Writer => PassesBy ? _server.Writer : _writer ??= new GatedPipeWriter(this);

    // What is held goes first, whoever writes after it.
    private bool PassesBy => (_isOpen || Scope.IsSealed) && _failedCommit is null && _writer is not { Holds: true };

    /// <summary>Whether bytes may pass.</summary>
    public bool IsOpen => _isOpen;

    public IHttpResponseBodyFeature Server => _server;

    public void InstallBodyFeature()
    {
        _server = _context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _context.Features.Set<IHttpResponseBodyFeature>(this);
    }

    public void GivePlaceBack()
    {
        if (ReferenceEquals(_context.Features.Get<IHttpResponseBodyFeature>(), this))
        {
            _context.Features.Set(_server);
        }
    }

    public void DisableBuffering() => _server.DisableBuffering();

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await Open();
        await _server.StartAsync(cancellationToken);
    }

    public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
    {
        await Open();
        await _server.SendFileAsync(path, offset, count, cancellationToken);
    }

    public async Task CompleteAsync()
    {
        // A deadline's timer ends a gRPC call while its handler still works with the session: nobody else may touch that now.
        if (GrpcCall.Is(_context) && GrpcCall.HasToldFailure(_context))
        {
            Scope.SetRollbackOnly();
        }
        else
        {
            await Open();
        }

        await _server.CompleteAsync();
    }

    /// <summary>Commits, then lets through what was held back.</summary>
    public ValueTask Open() => Open(async: true);

    /// <summary>A body that is ended with an error must not look like a success: the server sends what status there is.</summary>
    public void TellFailure() => RequestOutcome.Fail(_context, isCommitted: _isOpen);

    /// <summary>For synchronous writers.</summary>
    public void CommitSynchronously() => Open(async: false).AsTask().GetAwaiter().GetResult();

    /// <summary>Whether opening needs no waiting, so that a writer can be let through without a copy.</summary>
    public bool OpensAtOnce => Scope.IsSealed || Scope.CompletesAtOnce;

    /// <summary>Rolls back, and drops what is held: it belongs to an answer that nobody will get.</summary>
    public ValueTask Abandon()
    {
        (_failed, _isOpen) = (true, true);
        _writer?.Discard();
        return Scope.Rollback(async: true);
    }

    private async ValueTask Open(bool async)
    {
        if (!_isOpen)
        {
            _isOpen = true;
            await Complete(_context.Response.StatusCode, async);
            _writer?.LetThrough();
        }

        // Whoever swallowed the exception may answer with an error, but not with a success.
        if (_failedCommit is not null && !RequestOutcome.TellsFailure(_context))
        {
            _failedCommit.Throw();
        }
    }
}
