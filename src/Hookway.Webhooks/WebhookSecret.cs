using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;
using VerifyingKey = NSec.Cryptography.PublicKey;

namespace Hookway.Webhooks;

/// <summary>
/// What messages are signed or verified with: a shared secret (<c>whsec_</c>), a signing key (<c>whsk_</c>)
/// or the public half of one (<c>whpk_</c>, which only verifies). Immutable and safe to share between threads.
/// </summary>
public sealed class WebhookSecret
{
    private const int SeedSize = 32;
    private const int GeneratedHmacSize = 32;

    // Exactly one of _hmacKey and _verifyingKey is set; _seed only beside _verifyingKey.
    private readonly byte[]? _hmacKey;
    // The seed and not the key: a key holds locked memory, of which a process gets little, and a server knows many secrets.
    private readonly byte[]? _seed;
    private readonly VerifyingKey? _verifyingKey;

    private WebhookSecret(byte[] hmacKey) => _hmacKey = hmacKey;

    private WebhookSecret(byte[] seed, VerifyingKey verifyingKey)
        : this(verifyingKey) => _seed = seed;

    private WebhookSecret(VerifyingKey verifyingKey)
    {
        _verifyingKey = verifyingKey;
        PublicKey = SecretText.Write(SecretKind.Public, verifyingKey.Export(KeyBlobFormat.RawPublicKey));
    }

    public SignatureScheme Scheme => _hmacKey is null ? SignatureScheme.Ed25519 : SignatureScheme.HmacSha256;

    /// <summary>False for a <c>whpk_</c> key, which only verifies.</summary>
    public bool CanSign => _hmacKey is not null || _seed is not null;

    /// <summary>The <c>whpk_</c> text to hand to receivers; null for a shared secret, which has no public half.</summary>
    public string? PublicKey { get; }

    /// <summary>Reads a secret from its text: <c>whsec_</c>, <c>whsk_</c> or <c>whpk_</c>, then base64.</summary>
    /// <exception cref="FormatException">The text is not a secret; the message says why and never repeats the text.</exception>
    public static WebhookSecret Parse(string text) =>
        TryParse(text, out var secret, out var problem) ? secret : throw new FormatException(problem);

    /// <summary>Like <see cref="Parse"/>, with the reason in <paramref name="problem"/>, a sentence fit to be shown.</summary>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out WebhookSecret? secret, [NotNullWhen(false)] out string? problem)
    {
        secret = null;
        if (!SecretText.TryRead(text, out var kind, out var bytes, out problem))
        {
            return false;
        }

        secret = kind switch
        {
            SecretKind.Shared => new WebhookSecret(bytes),
            SecretKind.Signing => FromSigningKey(bytes, out problem),
            _ => FromPublicKey(bytes, out problem),
        };
        return problem is null && secret is not null;
    }

    /// <summary>Makes a new secret from the system's random source.</summary>
    public static WebhookSecret Generate(SignatureScheme scheme) => scheme switch
    {
        SignatureScheme.HmacSha256 => new WebhookSecret(RandomNumberGenerator.GetBytes(GeneratedHmacSize)),
        SignatureScheme.Ed25519 => FromSeed(RandomNumberGenerator.GetBytes(SeedSize)),
        _ => throw new ArgumentOutOfRangeException(nameof(scheme)),
    };

    /// <summary>The secret itself, as the text that <see cref="Parse"/> takes. Never log it.</summary>
    public string Reveal()
    {
        if (_hmacKey is not null)
        {
            return SecretText.Write(SecretKind.Shared, _hmacKey);
        }

        return _seed is null
            ? PublicKey!
            : SecretText.Write(SecretKind.Signing, [.. _seed, .. _verifyingKey!.Export(KeyBlobFormat.RawPublicKey)]);
    }

    /// <summary>Says what kind of secret this is, never the secret.</summary>
    public override string ToString() => _hmacKey is not null ? "whsec_…" : _seed is not null ? "whsk_…" : PublicKey!;

    internal void Sign(ReadOnlySpan<byte> content, Span<byte> signature)
    {
        if (_hmacKey is not null)
        {
            HMACSHA256.HashData(_hmacKey, content, signature);
        }
        else
        {
            SigningKeys.Sign(_seed!, content, signature);
        }
    }

    internal bool Verify(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature) =>
        SignatureAlgorithm.Ed25519.Verify(_verifyingKey!, content, signature);

    private static WebhookSecret? FromSigningKey(byte[] bytes, out string? problem)
    {
        var secret = FromSeed(bytes[..SeedSize]);
        var publicHalf = bytes.AsSpan(SeedSize);
        if (publicHalf.IsEmpty || publicHalf.SequenceEqual(secret._verifyingKey!.Export(KeyBlobFormat.RawPublicKey)))
        {
            problem = null;
            return secret;
        }

        problem = "The public half of the whsk_ key does not belong to its private half.";
        return null;
    }

    private static WebhookSecret? FromPublicKey(byte[] bytes, out string? problem)
    {
        var valid = VerifyingKey.TryImport(SignatureAlgorithm.Ed25519, bytes, KeyBlobFormat.RawPublicKey, out var key);
        problem = valid ? null : "The whpk_ key is not a valid ed25519 public key.";
        return valid ? new WebhookSecret(key!) : null;
    }

    private static WebhookSecret FromSeed(byte[] seed)
    {
        using var key = SigningKeys.Import(seed);
        return new WebhookSecret(seed, key.PublicKey);
    }
}
