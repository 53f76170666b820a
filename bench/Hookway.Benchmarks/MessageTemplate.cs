using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Hookway.Benchmarks;

/// <summary>
/// The bytes of a request to send a message, with a body of 1 KiB; or of one of a vendor's. Each connection has its own and changes only the number and the recipient in it.
/// </summary>
public sealed class MessageTemplate
{
    public const string EventType = "benchmark.sent";
    public const int MostRecipients = 9_000;
    private const int BodyBytes = 1024;
    private const int RecipientWithoutEndpoints = 9_999;
    private const int NumberDigits = 10;
    private const int RecipientDigits = 4;

    private readonly byte[] _bytes;
    private readonly int _numberAt;
    private readonly int? _recipientAt;
    private readonly int _targets;
    private readonly byte[]? _signingSecret;
    private readonly int _signatureAt;
    private readonly int _bodyAt;

    /// <param name="target">What to call: path, key and how many recipients have an endpoint.</param>
    /// <param name="delivers">Whether messages go to recipients that have one endpoint, or to one that has none.</param>
    public MessageTemplate(SendTarget target, bool delivers)
    {
        if (target.SigningSecret is { } secret)
        {
            (_bytes, _numberAt) = VendorRequest(target.Path);
            _signingSecret = Encoding.UTF8.GetBytes(secret);
            _signatureAt = _bytes.AsSpan().IndexOf("sha256="u8) + "sha256=".Length;
            _bodyAt = _bytes.Length - BodyBytes;
            return;
        }
        _targets = delivers ? target.Targets : 0;
        var start = $$"""{"recipient":"{{Recipient(0)}}","{{(target.IsStack ? "eventType" : "type")}}":"{{EventType}}","data":{"n":"{{new string('0', NumberDigits)}}","text":" """.Trim();
        var body = start + new string('x', BodyBytes - start.Length - 3) + "\"}}";
        _bytes = Encoding.ASCII.GetBytes(
            $"POST {target.Path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {target.Key}\r\n" +
            $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        _numberAt = _bytes.AsSpan().IndexOf(Marker) + Marker.Length;
        _recipientAt = _bytes.AsSpan().IndexOf("customer_"u8) + "customer_".Length;
    }

    /// <summary>What a vendor's event begins with; its number stands behind.</summary>
    private const string EventMarker = "{\"number\":\"";

    private static ReadOnlySpan<byte> Marker => "\"data\":{\"n\":\""u8;

    /// <summary>The name of the recipient with this number.</summary>
    public static string Recipient(int number) => string.Create(CultureInfo.InvariantCulture, $"customer_{number:D4}");

    /// <summary>The request for message <paramref name="number"/>.</summary>
    public ReadOnlyMemory<byte> Bytes(long number)
    {
        Write(_numberAt, NumberDigits, number);
        if (_recipientAt is { } at)
        {
            Write(at, RecipientDigits, _targets == 0 ? RecipientWithoutEndpoints : number % _targets);
        }
        if (_signingSecret is not null)
        {
            Write(_bodyAt + EventMarker.Length, NumberDigits, number);
            Span<byte> signature = stackalloc byte[HMACSHA256.HashSizeInBytes];
            HMACSHA256.HashData(_signingSecret, _bytes.AsSpan(_bodyAt), signature);
            Convert.TryToHexStringLower(signature, _bytes.AsSpan(_signatureAt), out _);
        }
        return _bytes;
    }

    /// <summary>An event of GitHub's: each has an id and a body of its own, and is signed as it is sent.</summary>
    private static (byte[] Bytes, int NumberAt) VendorRequest(string path)
    {
        var start = EventMarker + new string('0', NumberDigits) + "\"," + """ "action":"opened","issue":{"id":4711,"title":"Found a bug","updated_at":"2026-01-31T12:00:00Z"},"repository":{"full_name":"octocat/hello"},"text":" """.Trim();
        var body = start + new string('x', BodyBytes - start.Length - 2) + "\"}";
        const string Id = "X-GitHub-Delivery: delivery-";
        var bytes = Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-GitHub-Event: issues\r\n{Id}{new string('0', NumberDigits)}\r\nX-Hub-Signature-256: sha256={new string('0', 64)}\r\n" +
            $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        return (bytes, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Id)) + Id.Length);
    }

    /// <summary>The number of a delivered message, read from its body; -1 when it is not one of ours.</summary>
    public static long NumberOf(ReadOnlySpan<byte> body) =>
        body.IndexOf(Marker) is >= 0 and var at
        && body.Length >= at + Marker.Length + NumberDigits
        && Utf8Parser.TryParse(body.Slice(at + Marker.Length, NumberDigits), out long number, out _) ? number : -1;

    private void Write(int at, int digits, long number)
    {
        for (var i = digits - 1; i >= 0; i--, number /= 10)
        {
            _bytes[at + i] = (byte)('0' + (number % 10));
        }
    }
}

/// <summary>Where messages are sent, and as whom.</summary>
/// <param name="Targets">How many recipients have an endpoint.</param>
/// <param name="IsStack">A do-it-yourself stack, which knows no recipients and delivers every message.</param>
/// <param name="SigningSecret">Of a source, to which a vendor's events are sent in place of messages.</param>
public sealed record SendTarget(int Port, string Path, string Key, int Targets, bool IsStack = false, string? SigningSecret = null)
{
    /// <summary>Ports of more nodes of the same server: connections are spread over all of them.</summary>
    public IReadOnlyList<int> MorePorts { get; init; } = [];
}
