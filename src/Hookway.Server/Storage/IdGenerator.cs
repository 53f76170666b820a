using System.Buffers.Binary;

namespace Hookway.Storage;

/// <summary>
/// Makes public ids: a prefix, <c>_</c>, and 26 characters of lower-case Crockford base32 that hold a UUIDv7
/// (RFC 9562, 48 bits of Unix milliseconds first), so that ids of one kind sort by the time of their making.
/// </summary>
public sealed class IdGenerator(TimeProvider clock, Random random)
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int EncodedLength = 26;

    /// <summary>A new id of the given kind, such as <c>msg_01jd…</c> for <see cref="IdPrefix.Message"/>.</summary>
    public string New(string prefix)
    {
        var milliseconds = (ulong)clock.GetUtcNow().ToUnixTimeMilliseconds();
        Span<byte> tail = stackalloc byte[16];
        random.NextBytes(tail);
        var high = (milliseconds << 16) | 0x7000 | (BinaryPrimitives.ReadUInt64LittleEndian(tail) & 0x0FFF);
        var low = (BinaryPrimitives.ReadUInt64LittleEndian(tail[8..]) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        return string.Create(prefix.Length + 1 + EncodedLength, (prefix, value: new UInt128(high, low)), static (text, state) =>
        {
            state.prefix.CopyTo(text);
            text[state.prefix.Length] = '_';
            var rest = state.value;
            for (var at = text.Length - 1; at > state.prefix.Length; at--)
            {
                text[at] = Alphabet[(int)(ulong)(rest & 31)];
                rest >>= 5;
            }
        });
    }
}

/// <summary>The prefixes of public ids, one for each kind of object.</summary>
public static class IdPrefix
{
    public const string Workspace = "ws";
    public const string User = "usr";
    public const string Session = "ses";
    public const string AccessLink = "lnk";
    public const string ApiKey = "key";
    public const string PortalSession = "ps";
    public const string App = "app";
    public const string Endpoint = "ep";
    public const string Message = "msg";
    public const string Attempt = "att";
    public const string Replay = "rpl";
    public const string Issue = "anom";
    public const string Source = "src";
    public const string Destination = "dst";
    public const string Event = "evt";
}
