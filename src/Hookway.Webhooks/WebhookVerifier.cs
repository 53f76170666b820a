using System.Globalization;
using System.Security.Cryptography;

namespace Hookway.Webhooks;

/// <summary>
/// Tells whether a received message was signed with one of the secrets, and lately. Whatever the headers hold, it
/// answers and never throws, after a bounded amount of work. Safe to share between threads.
/// </summary>
public sealed class WebhookVerifier
{
    public static readonly TimeSpan DefaultTolerance = TimeSpan.FromMinutes(5);

    // 32 signatures of the longest kind take less than half of it.
    private const int MaxSignaturesLength = 8192;
    private const int MaxTimestampLength = 19;

    private readonly WebhookSecret[] _secrets;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _tolerance;

    /// <param name="secrets">A message verifies when any of them signed it; more than one while secrets rotate.</param>
    /// <param name="clock">The current time; the system's clock when null.</param>
    /// <param name="tolerance">How far the timestamp may be from now, in the past or the future; 5 minutes when null.</param>
    public WebhookVerifier(IEnumerable<WebhookSecret> secrets, TimeProvider? clock = null, TimeSpan? tolerance = null)
    {
        ArgumentNullException.ThrowIfNull(secrets);
        _secrets = [.. secrets];
        if (_secrets.Length == 0 || _secrets.Contains(null))
        {
            throw new ArgumentException("At least one secret is needed to verify, and none may be null.", nameof(secrets));
        }

        _clock = clock ?? TimeProvider.System;
        _tolerance = tolerance ?? DefaultTolerance;
        ArgumentOutOfRangeException.ThrowIfLessThan(_tolerance, TimeSpan.Zero, nameof(tolerance));
    }

    /// <summary>Verifies a message whose headers <paramref name="header"/> looks up by name.</summary>
    /// <example><code>verifier.Verify(name => request.Headers[name], body)</code></example>
    public WebhookVerification Verify(Func<string, string?> header, ReadOnlySpan<byte> body)
    {
        ArgumentNullException.ThrowIfNull(header);
        return Verify(header(WebhookHeaders.Id), header(WebhookHeaders.Timestamp), header(WebhookHeaders.Signature), body);
    }

    /// <summary>Verifies a message by its three headers and its body, byte for byte as received.</summary>
    public WebhookVerification Verify(string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body)
    {
        if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(timestamp) || string.IsNullOrEmpty(signatures))
        {
            return WebhookVerification.MissingHeader;
        }

        if (id.Length > WebhookSignature.MaxIdLength)
        {
            return WebhookVerification.InvalidId;
        }

        if (!TryReadSeconds(timestamp, out var seconds))
        {
            return WebhookVerification.InvalidTimestamp;
        }

        var age = _clock.GetUtcNow().ToUnixTimeSeconds() - seconds;
        if (Math.Abs(age) > _tolerance.TotalSeconds)
        {
            return age > 0 ? WebhookVerification.TooOld : WebhookVerification.TooNew;
        }

        return VerifySignatures(id, timestamp, signatures, body);
    }

    private static bool TryReadSeconds(string timestamp, out long seconds)
    {
        seconds = 0;
        // The parser lets trailing NUL characters pass.
        return timestamp.Length <= MaxTimestampLength
            && !timestamp.AsSpan().ContainsAnyExceptInRange('0', '9')
            && long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out seconds);
    }

    private WebhookVerification VerifySignatures(string id, string timestamp, string signatures, ReadOnlySpan<byte> body)
    {
        Span<byte> buffer = stackalloc byte[WebhookSignature.Ed25519Size];
        if (signatures.Length > MaxSignaturesLength || !new SignatureReader(signatures, buffer).Read())
        {
            return WebhookVerification.MalformedSignature;
        }

        using var content = new SignedContent(id, timestamp, body, stackalloc byte[SignedContent.ScratchSize]);
        foreach (var secret in _secrets)
        {
            var reader = new SignatureReader(signatures, buffer);
            var matches = secret.Scheme == SignatureScheme.HmacSha256
                ? MatchesHmac(secret, content.Bytes, reader)
                : MatchesEd25519(secret, content.Bytes, reader);
            if (matches)
            {
                return WebhookVerification.Verified;
            }
        }

        return WebhookVerification.NoMatchingSignature;
    }

    private static bool MatchesHmac(WebhookSecret secret, ReadOnlySpan<byte> content, SignatureReader signatures)
    {
        Span<byte> expected = stackalloc byte[WebhookSignature.HmacSize];
        secret.Sign(content, expected);
        while (signatures.Read())
        {
            if (signatures.Scheme == SignatureScheme.HmacSha256
                && CryptographicOperations.FixedTimeEquals(expected, signatures.Bytes))
            {
                return true;
            }
        }

        return false;
    }

    private static bool MatchesEd25519(WebhookSecret secret, ReadOnlySpan<byte> content, SignatureReader signatures)
    {
        while (signatures.Read())
        {
            if (signatures.Scheme == SignatureScheme.Ed25519 && secret.Verify(content, signatures.Bytes))
            {
                return true;
            }
        }

        return false;
    }
}
