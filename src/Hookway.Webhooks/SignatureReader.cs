namespace Hookway.Webhooks;

/// <summary>
/// Walks over the well-formed signatures of a <c>webhook-signature</c> header: <c>version,base64</c>, separated by
/// spaces. Anyone may send that header, so it examines a bounded number and never throws.
/// </summary>
internal ref struct SignatureReader(ReadOnlySpan<char> header, Span<byte> buffer)
{
    private const int MaxExamined = 32;

    private readonly Span<byte> _buffer = buffer;
    private ReadOnlySpan<char> _rest = header;
    private int _examined;

    /// <summary>The scheme of the current signature; null when its version is unknown.</summary>
    public SignatureScheme? Scheme { get; private set; }

    /// <summary>The bytes of the current signature; empty when its version is unknown.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    public bool Read()
    {
        while (_examined < MaxExamined && !(_rest = _rest.TrimStart(' ')).IsEmpty)
        {
            _examined++;
            var end = _rest.IndexOf(' ');
            var item = end < 0 ? _rest : _rest[..end];
            _rest = _rest[item.Length..];
            if (TryRead(item))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryRead(ReadOnlySpan<char> item)
    {
        var comma = item.IndexOf(',');
        if (comma <= 0 || comma == item.Length - 1)
        {
            return false;
        }

        Scheme = item[..comma] switch
        {
            "v1" => SignatureScheme.HmacSha256,
            "v1a" => SignatureScheme.Ed25519,
            _ => null,
        };
        Bytes = default;
        return Scheme is null || TryDecode(item[(comma + 1)..]);
    }

    private bool TryDecode(ReadOnlySpan<char> base64)
    {
        var size = Scheme == SignatureScheme.HmacSha256 ? WebhookSignature.HmacSize : WebhookSignature.Ed25519Size;
        var decoded = Convert.TryFromBase64Chars(base64, _buffer, out var written) && written == size;
        Bytes = decoded ? _buffer[..written] : default;
        return decoded;
    }
}
