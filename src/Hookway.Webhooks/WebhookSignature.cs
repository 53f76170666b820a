using System.Globalization;

namespace Hookway.Webhooks;

/// <summary>Makes the value of the <c>webhook-signature</c> header.</summary>
public static class WebhookSignature
{
    internal const int HmacSize = 32;
    internal const int Ed25519Size = 64;
    internal const int MaxIdLength = 256;

    // "v1a," and the base64 of 64 bytes.
    private const int MaxTextLength = 92;
    private const int StackSecrets = 4;

    /// <inheritdoc cref="Sign(ReadOnlySpan{WebhookSecret}, string, DateTimeOffset, ReadOnlySpan{byte})"/>
    public static string Sign(WebhookSecret secret, string id, DateTimeOffset timestamp, ReadOnlySpan<byte> body) =>
        Sign(new ReadOnlySpan<WebhookSecret>(in secret), id, timestamp, body);

    /// <summary>
    /// Signs a message with each secret, in order; the signatures are separated by spaces. Several secrets let
    /// receivers change from one to the next without a gap.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// The id is empty, longer than 256 characters or holds a dot or anything but visible ASCII (the dot separates the
    /// signed parts); the timestamp is before 1970; there is no secret, or one that only verifies.
    /// </exception>
    public static string Sign(
        ReadOnlySpan<WebhookSecret> secrets, string id, DateTimeOffset timestamp, ReadOnlySpan<byte> body)
    {
        RequireSigners(secrets);
        RequireId(id);
        var seconds = timestamp.ToUnixTimeSeconds();
        ArgumentOutOfRangeException.ThrowIfNegative(seconds, nameof(timestamp));
        Span<char> time = stackalloc char[20];
        seconds.TryFormat(time, out var timeLength, default, CultureInfo.InvariantCulture);

        using var content = new SignedContent(id, time[..timeLength], body, stackalloc byte[SignedContent.ScratchSize]);
        var text = secrets.Length <= StackSecrets
            ? stackalloc char[StackSecrets * (MaxTextLength + 1)]
            : new char[secrets.Length * (MaxTextLength + 1)];
        var length = 0;
        foreach (var secret in secrets)
        {
            if (length > 0)
            {
                text[length++] = ' ';
            }

            length += Write(secret, content.Bytes, text[length..]);
        }

        return new string(text[..length]);
    }

    private static int Write(WebhookSecret secret, ReadOnlySpan<byte> content, Span<char> text)
    {
        var (version, size) = secret.Scheme == SignatureScheme.HmacSha256 ? ("v1,", HmacSize) : ("v1a,", Ed25519Size);
        Span<byte> signature = stackalloc byte[Ed25519Size];
        signature = signature[..size];
        secret.Sign(content, signature);

        version.CopyTo(text);
        Convert.TryToBase64Chars(signature, text[version.Length..], out var written);
        return version.Length + written;
    }

    private static void RequireSigners(ReadOnlySpan<WebhookSecret> secrets)
    {
        if (secrets.IsEmpty)
        {
            throw new ArgumentException("At least one secret is needed to sign.", nameof(secrets));
        }

        foreach (var secret in secrets)
        {
            ArgumentNullException.ThrowIfNull(secret, nameof(secrets));
            if (!secret.CanSign)
            {
                throw new ArgumentException("A whpk_ key only verifies; its whsk_ key signs.", nameof(secrets));
            }
        }
    }

    private static void RequireId(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        if (id.Length > MaxIdLength || id.Contains('.') || id.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new ArgumentException(
                $"A message id has at most {MaxIdLength} visible ASCII characters and no dot.", nameof(id));
        }
    }
}
