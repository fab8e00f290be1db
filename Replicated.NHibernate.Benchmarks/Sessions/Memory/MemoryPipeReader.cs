using System.Buffers;
using System.IO.Pipelines;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>The body of a request that has arrived as a whole.</summary>
internal sealed class MemoryPipeReader(byte[] body) : PipeReader
{
    private readonly ReadOnlySequence<byte> _whole = new(body);
    private ReadOnlySequence<byte> _left;

    public void Rewind() => _left = _whole;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        new(new ReadResult(_left, isCanceled: false, isCompleted: true));

    public override bool TryRead(out ReadResult result)
    {
        result = new ReadResult(_left, isCanceled: false, isCompleted: true);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => _left = _left.Slice(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

    public override void CancelPendingRead()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }
}
