using System.Buffers;
using System.IO.Pipelines;

namespace Replicated.NHibernate.Web;

/// <summary>Keeps what is written until the commit, which the first flush awaits; afterwards it is the server's writer.</summary>
internal sealed class GatedPipeWriter(RequestScope request) : PipeWriter
{
    private ArrayBufferWriter<byte>? _held;

    public override bool CanGetUnflushedBytes => request.Server.Writer.CanGetUnflushedBytes;

    public override long UnflushedBytes => (_held?.WrittenCount ?? 0) + request.Server.Writer.UnflushedBytes;

    public bool Holds => _held is not null;

    private bool PassesThrough
    {
        get
        {
            if (!request.IsOpen && _held is null && request.OpensAtOnce)
            {
                request.CommitSynchronously();
            }

            return request.IsOpen;
        }
    }

    public override void Advance(int bytes)
    {
        if (_held is { } held)
        {
            held.Advance(bytes);
        }
        else
        {
            request.Server.Writer.Advance(bytes);
        }
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) =>
        PassesThrough ? request.Server.Writer.GetMemory(sizeHint) : (_held ??= new()).GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) =>
        PassesThrough ? request.Server.Writer.GetSpan(sizeHint) : (_held ??= new()).GetSpan(sizeHint);

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        await request.Open();
        return await request.Server.Writer.FlushAsync(cancellationToken);
    }

    public override async ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        await request.Open();
        return await request.Server.Writer.WriteAsync(source, cancellationToken);
    }

    public override void CancelPendingFlush() => request.Server.Writer.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (exception is null)
        {
            request.CommitSynchronously();
        }
        else
        {
            request.TellFailure();
        }

        request.Server.Writer.Complete(exception);
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (exception is null)
        {
            await request.Open();
        }
        else
        {
            request.TellFailure();
        }

        await request.Server.Writer.CompleteAsync(exception);
    }

    /// <summary>The commit has happened: what was held goes to the server.</summary>
    public void LetThrough()
    {
        if (_held is { } held)
        {
            _held = null;
            request.Server.Writer.Write(held.WrittenSpan);
        }
    }

    /// <summary>The commit has failed: what was held would tell the client of a success.</summary>
    public void Discard() => _held = null;
}
