using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Hookway.Benchmarks;

/// <summary>The little of HTTP/1.1 that the generator and the receiver need, on bytes.</summary>
public static class HttpText
{
    /// <summary>Where the body begins; -1 while the headers are incomplete.</summary>
    public static int BodyStart(ReadOnlySpan<byte> message) => message.IndexOf("\r\n\r\n"u8) is >= 0 and var end ? end + 4 : -1;

    /// <summary>The value of a header, empty when it is not there.</summary>
    /// <param name="lowerName">In lower case, with its colon.</param>
    public static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> lowerName)
    {
        for (var line = head.IndexOf((byte)'\n') + 1; line > 0 && line + lowerName.Length < head.Length;)
        {
            var rest = head[line..];
            if (Ascii.EqualsIgnoreCase(rest[..lowerName.Length], lowerName))
            {
                rest = rest[lowerName.Length..];
                return rest[..rest.IndexOf((byte)'\r')].Trim((byte)' ');
            }
            var next = rest.IndexOf((byte)'\n');
            line = next < 0 ? 0 : line + next + 1;
        }
        return [];
    }

    /// <summary>A decimal number, 0 when there is none.</summary>
    public static int Number(ReadOnlySpan<byte> text) => Utf8Parser.TryParse(text, out int number, out _) ? number : 0;

    /// <summary>The length of a chunked body on the wire; -1 while it is incomplete.</summary>
    public static int ChunkedLength(ReadOnlySpan<byte> body)
    {
        for (var at = 0; ;)
        {
            if (NextChunk(body[at..]) is not { } chunk || at + chunk.Start + chunk.Length + 2 > body.Length)
            {
                return -1;
            }
            at += chunk.Start + chunk.Length + 2;
            if (chunk.Length == 0)
            {
                return at;
            }
        }
    }

    /// <summary>Moves the content of a complete chunked body to its front; answers its length.</summary>
    public static int Unchunk(Span<byte> body)
    {
        var (from, to) = (0, 0);
        while (NextChunk(body[from..]) is { Length: > 0 } chunk)
        {
            body.Slice(from + chunk.Start, chunk.Length).CopyTo(body[to..]);
            from += chunk.Start + chunk.Length + 2;
            to += chunk.Length;
        }
        return to;
    }

    private static (int Start, int Length)? NextChunk(ReadOnlySpan<byte> body)
    {
        var end = body.IndexOf("\r\n"u8);
        return end < 0 ? null : (end + 2, int.Parse(body[..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
    }
}
