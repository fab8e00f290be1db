using System.IO.Pipelines;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>The body of a response, in a buffer that is used again.</summary>
internal sealed class MemoryWriter(Action start) : PipeWriter
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _length, _flushed;

    public ReadOnlySpan<byte> Sent => _buffer.AsSpan(0, _length);

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _length - _flushed;

    public void Clear() => (_length, _flushed) = (0, 0);

    public override void Advance(int bytes) => _length += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(_length);

    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(_length);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        start();
        _flushed = _length;
        return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: false));
    }

    public override void CancelPendingFlush()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }
}
