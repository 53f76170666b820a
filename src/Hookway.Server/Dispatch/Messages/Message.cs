using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Hookway.Api;

namespace Hookway.Dispatch.Messages;

/// <summary>One event sent through Dispatch to a recipient.</summary>
/// <param name="Seq">Its place in the order of acceptance.</param>
/// <param name="Data">JSON bytes as they came; null when they were not read, or have been erased.</param>
/// <param name="Unmatched">The endpoints it was not for (<see cref="Messages.Unmatched"/>); null for none, or when it was not read.</param>
public sealed record Message(
    long Seq, long AppNo, string MessageId, long RecipientNo, string Recipient, string EventType, DateTimeOffset CreatedAt, DateTimeOffset? DeliverAt,
    byte[]? ContentHash, byte[]? Data, string? Unmatched = null)
{
    public const string GeneratedPrefix = "msg_";
    public const int MostIdCharacters = 256;

    /// <summary>What a caller's own id looks like, for error messages.</summary>
    public const string IdForm = "must be 1 to 256 of A-Z a-z 0-9 - _ : @ | and must not start with msg_";

    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:@|");

    /// <summary>An id a caller may give: without dots, since it is signed as <c>webhook-id</c>, whose parts are divided by dots.</summary>
    public static bool IsOwnId(string id) =>
        id.Length is >= 1 and <= MostIdCharacters && id.AsSpan().IndexOfAnyExcept(IdCharacters) < 0 && !id.StartsWith(GeneratedPrefix, StringComparison.Ordinal);

    /// <summary>SHA-256 over recipient, type and the raw bytes of <c>data</c>: what two sends under one key must share.</summary>
    public static byte[] HashOf(string recipient, string eventType, ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(recipient));
        hash.AppendData("\0"u8);
        hash.AppendData(Encoding.UTF8.GetBytes(eventType));
        hash.AppendData("\0"u8);
        hash.AppendData(data);
        return hash.GetHashAndReset();
    }
}

/// <summary>What an endpoint receives of a message, the same bytes on every attempt: <c>{"type":…,"timestamp":…,"data":…}</c>.</summary>
public sealed record MessageContent(string MessageId, byte[] Body)
{
    public static MessageContent Of(string messageId, string eventType, DateTimeOffset createdAt, ReadOnlySpan<byte> data)
    {
        // Types and times are ASCII without anything to escape: both are held to that where they are accepted.
        var head = string.Create(CultureInfo.InvariantCulture, $$"""{"type":"{{eventType}}","timestamp":"{{Times.Format(createdAt)}}","data":""");
        var body = new byte[head.Length + data.Length + 1];
        Encoding.ASCII.GetBytes(head, body);
        data.CopyTo(body.AsSpan(head.Length));
        body[^1] = (byte)'}';
        return new MessageContent(messageId, body);
    }
}
