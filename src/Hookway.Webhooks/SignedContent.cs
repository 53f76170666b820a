using System.Buffers;
using System.Text;

namespace Hookway.Webhooks;

/// <summary>
/// The bytes that a signature covers, <c>{id}.{timestamp}.{body}</c>, in one run of memory: the caller's scratch
/// when it is large enough, else a rented buffer that <see cref="Dispose"/> gives back.
/// </summary>
internal ref struct SignedContent
{
    /// <summary>Scratch of this size holds most messages without renting.</summary>
    public const int ScratchSize = 1024;

    private byte[]? _rented;

    public SignedContent(ReadOnlySpan<char> id, ReadOnlySpan<char> timestamp, ReadOnlySpan<byte> body, Span<byte> scratch)
    {
        var size = Encoding.UTF8.GetByteCount(id) + Encoding.UTF8.GetByteCount(timestamp) + body.Length + 2;
        var buffer = size <= scratch.Length ? scratch : _rented = ArrayPool<byte>.Shared.Rent(size);

        var written = Encoding.UTF8.GetBytes(id, buffer);
        buffer[written++] = (byte)'.';
        written += Encoding.UTF8.GetBytes(timestamp, buffer[written..]);
        buffer[written++] = (byte)'.';
        body.CopyTo(buffer[written..]);
        Bytes = buffer[..size];
    }

    public ReadOnlySpan<byte> Bytes { get; }

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
            _rented = null;
        }
    }
}
