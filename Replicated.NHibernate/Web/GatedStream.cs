namespace Replicated.NHibernate.Web;

/// <summary>The response's stream: the first byte, or the first flush, waits for the commit.</summary>
internal sealed class GatedStream(RequestScope request) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException("A response has no length to read.");

    public override long Position
    {
        get => throw new NotSupportedException("A response cannot be positioned.");
        set => throw new NotSupportedException("A response cannot be positioned.");
    }

    public override void Flush()
    {
        request.CommitSynchronously();
        request.Server.Stream.Flush();
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        await request.Open();
        await request.Server.Stream.FlushAsync(cancellationToken);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        request.CommitSynchronously();
        request.Server.Stream.Write(buffer);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await request.Open();
        await request.Server.Stream.WriteAsync(buffer, cancellationToken);
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("A response is only written.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("A response cannot be positioned.");

    public override void SetLength(long value) => throw new NotSupportedException("A response has no length to set.");
}
