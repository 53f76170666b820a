using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NSec.Cryptography;
using HashAlgorithmName = System.Security.Cryptography.HashAlgorithmName;

namespace Hookway.Ingest.Verification;

/// <summary>One secret made ready to compare by. Immutable, so that requests may use it side by side.</summary>
internal sealed class VerificationKey
{
    private const int MostJwks = 20;
    private static readonly byte[] Ed25519Spki = Convert.FromHexString("302a300506032b6570032100");

    private readonly VerificationAlgorithm _algorithm;
    private readonly byte[] _bytes;
    private readonly NSec.Cryptography.PublicKey? _ed25519;

    private VerificationKey(VerificationAlgorithm algorithm, string secret, byte[] bytes, NSec.Cryptography.PublicKey? ed25519 = null)
    {
        _algorithm = algorithm;
        Secret = secret;
        _bytes = bytes;
        _ed25519 = ed25519;
    }

    /// <summary>The secret as it was given.</summary>
    public string Secret { get; }

    /// <summary>The keys that a secret stands for; the problem is a sentence that does not repeat it.</summary>
    public static IReadOnlyList<VerificationKey> Read(VerificationScheme scheme, string secret, out string? problem)
    {
        problem = null;
        if (string.IsNullOrWhiteSpace(secret))
        {
            problem = "The secret is empty.";
            return [];
        }
        if (scheme.Certificate is not null)
        {
            // The key comes with the request; the secret says which sender is meant.
            return [new(scheme.Algorithm, secret, [])];
        }
        var text = secret;
        var prefix = scheme.KeyPrefixes.FirstOrDefault(prefix => secret.StartsWith(prefix, StringComparison.Ordinal));
        text = prefix is null ? text : text[prefix.Length..];
        var keys = scheme.Algorithm switch
        {
            VerificationAlgorithm.Ed25519 => Ed25519(secret, text),
            VerificationAlgorithm.EcdsaP256 or VerificationAlgorithm.JwtEs256 => [.. PublicKeys(text).Where(IsP256).Select(spki => new VerificationKey(scheme.Algorithm, secret, spki))],
            VerificationAlgorithm.RsaSha1 or VerificationAlgorithm.RsaSha256 or VerificationAlgorithm.JwtRs256 =>
                [.. PublicKeys(text).Where(IsRsa).Select(spki => new VerificationKey(scheme.Algorithm, secret, spki))],
            _ => Shared(scheme.Key, text, prefix is not null).Select(bytes => new VerificationKey(scheme.Algorithm, secret, bytes)).ToArray(),
        };
        problem = keys.Length > 0 ? null : scheme.Algorithm switch
        {
            VerificationAlgorithm.Ed25519 => "The secret is not an ed25519 public key, in hex, base64 or PEM.",
            VerificationAlgorithm.EcdsaP256 or VerificationAlgorithm.JwtEs256 => "The secret is not a public key on the curve P-256, as base64 (SPKI), PEM or JWK.",
            VerificationAlgorithm.RsaSha1 or VerificationAlgorithm.RsaSha256 or VerificationAlgorithm.JwtRs256 => "The secret is not an RSA public key, as PEM, base64 (SPKI) or JWK.",
            _ => scheme.Key switch
            {
                KeyForm.Hex => "The secret is not hex.",
                KeyForm.Ascii => "The secret must be ASCII.",
                _ => "The secret is not base64.",
            },
        };
        return keys;
    }

    /// <summary>Whether one of the signatures is that of the content under this key. Every signature is compared, whatever the first ones say.</summary>
    public bool MatchesAny(ReadOnlySpan<byte> content, IReadOnlyList<byte[]> signatures)
    {
        var matches = false;
        if (_algorithm is VerificationAlgorithm.HmacSha1 or VerificationAlgorithm.HmacSha256 or VerificationAlgorithm.HmacSha512 or VerificationAlgorithm.JwtHs256
            or VerificationAlgorithm.Sha1 or VerificationAlgorithm.Sha256)
        {
            Span<byte> digest = stackalloc byte[SHA512.HashSizeInBytes];
            digest = digest[..Digest(content, digest)];
            foreach (var signature in signatures)
            {
                matches |= CryptographicOperations.FixedTimeEquals(digest, signature);
            }
            return matches;
        }
        foreach (var signature in signatures)
        {
            matches |= Verifies(content, signature);
        }
        return matches;
    }

    /// <summary>The signature of the content under this shared key.</summary>
    public byte[] Sign(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[SHA512.HashSizeInBytes];
        return digest[..Digest(content, digest)].ToArray();
    }

    /// <summary>Whether this is the signature of the content under the public key of a certificate.</summary>
    public static bool MatchesCertificate(RSA key, VerificationAlgorithm algorithm, ReadOnlySpan<byte> content, byte[] signature) =>
        key.VerifyData(content, signature, algorithm is VerificationAlgorithm.RsaSha1 ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    /// <summary>The size that a signature of this algorithm has; null when sizes differ.</summary>
    public static int? SignatureSize(VerificationAlgorithm algorithm) => algorithm switch
    {
        VerificationAlgorithm.HmacSha1 or VerificationAlgorithm.Sha1 => 20,
        VerificationAlgorithm.HmacSha256 or VerificationAlgorithm.Sha256 or VerificationAlgorithm.JwtHs256 => 32,
        VerificationAlgorithm.HmacSha512 or VerificationAlgorithm.Ed25519 or VerificationAlgorithm.JwtEs256 => 64,
        _ => null,
    };

#pragma warning disable CA5350 // SHA-1 is what these vendors sign with; an HMAC of it is not broken.
    private int Digest(ReadOnlySpan<byte> content, Span<byte> digest) => _algorithm switch
    {
        VerificationAlgorithm.HmacSha1 => HMACSHA1.HashData(_bytes, content, digest),
        VerificationAlgorithm.HmacSha512 => HMACSHA512.HashData(_bytes, content, digest),
        VerificationAlgorithm.Sha1 => SHA1.HashData(content, digest),
        VerificationAlgorithm.Sha256 => SHA256.HashData(content, digest),
        _ => HMACSHA256.HashData(_bytes, content, digest),
    };
#pragma warning restore CA5350

    private bool Verifies(ReadOnlySpan<byte> content, byte[] signature)
    {
        switch (_algorithm)
        {
            case VerificationAlgorithm.Ed25519:
                return SignatureAlgorithm.Ed25519.Verify(_ed25519!, content, signature);
            case VerificationAlgorithm.EcdsaP256 or VerificationAlgorithm.JwtEs256:
                using (var key = ECDsa.Create())
                {
                    key.ImportSubjectPublicKeyInfo(_bytes, out _);
                    return (_algorithm is VerificationAlgorithm.EcdsaP256 && VerifiesEcdsa(key, content, signature, DSASignatureFormat.Rfc3279DerSequence))
                        || (signature.Length == 64 && VerifiesEcdsa(key, content, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
                }
            default:
                using (var key = RSA.Create())
                {
                    key.ImportSubjectPublicKeyInfo(_bytes, out _);
                    return MatchesCertificate(key, _algorithm, content, signature);
                }
        }
    }

    private static bool VerifiesEcdsa(ECDsa key, ReadOnlySpan<byte> content, byte[] signature, DSASignatureFormat format)
    {
        try
        {
            return key.VerifyData(content, signature, HashAlgorithmName.SHA256, format);
        }
        catch (CryptographicException)
        {
            // Bytes that are no signature of this form at all.
            return false;
        }
    }

    private static IEnumerable<byte[]> Shared(KeyForm form, string text, bool hadPrefix)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var decoded = form switch
        {
            KeyForm.Utf8 => utf8,
            KeyForm.Ascii => Ascii.IsValid(text) ? utf8 : null,
            KeyForm.Hex => SignatureBytes.Hex(text),
            KeyForm.Base64IfPrefixed when !hadPrefix => utf8,
            KeyForm.Sha1OfLast => Sha1(Encoding.UTF8.GetBytes(text[(text.LastIndexOf('|') + 1)..])),
            _ => SignatureBytes.FromBase64(text),
        };
        if (decoded is { Length: > 0 })
        {
            yield return decoded;
        }
        if (form is KeyForm.Utf8OrBase64)
        {
            yield return utf8;
        }
    }

#pragma warning disable CA5350 // As above.
    private static byte[] Sha1(byte[] bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350

    private static VerificationKey[] Ed25519(string secret, string text)
    {
        var bytes = SignatureBytes.Hex(text) ?? FromPem(text) ?? SignatureBytes.FromBase64(text) ?? [];
        bytes = bytes.AsSpan().StartsWith(Ed25519Spki) ? bytes[Ed25519Spki.Length..] : bytes;
        return NSec.Cryptography.PublicKey.TryImport(SignatureAlgorithm.Ed25519, bytes, KeyBlobFormat.RawPublicKey, out var key)
            ? [new(VerificationAlgorithm.Ed25519, secret, bytes, key)]
            : [];
    }

    private static List<byte[]> PublicKeys(string text)
    {
        if (text.AsSpan().TrimStart().StartsWith("{"))
        {
            return FromJwk(text);
        }
        return (FromPem(text) ?? SignatureBytes.FromBase64(text)) is { } spki ? [spki] : [];
    }

    private static byte[]? FromPem(string text)
    {
        if (!PemEncoding.TryFind(text, out var fields) || text[fields.Label] is not "PUBLIC KEY")
        {
            return null;
        }
        return Convert.FromBase64String(text[fields.Base64Data]);
    }

    private static List<byte[]> FromJwk(string text)
    {
        var keys = new List<byte[]>();
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            var list = root.TryGetProperty("keys", out var set) && set.ValueKind is JsonValueKind.Array ? set.EnumerateArray().Take(MostJwks) : [root];
            foreach (var jwk in list)
            {
                if (Spki(jwk) is { } spki)
                {
                    keys.Add(spki);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JWK, so no key: the caller says so.
        }
        return keys;
    }

    private static byte[]? Spki(JsonElement jwk)
    {
        byte[]? Part(string name) => jwk.ValueKind is JsonValueKind.Object && jwk.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String
            ? SignatureBytes.Decode(value.GetString()!, SignatureEncoding.Base64Url)
            : null;
        try
        {
            if (Part("x") is { } x && Part("y") is { } y)
            {
                using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } });
                return key.ExportSubjectPublicKeyInfo();
            }
            if (Part("n") is { } n && Part("e") is { } e)
            {
                using var key = RSA.Create(new RSAParameters { Modulus = n, Exponent = e });
                return key.ExportSubjectPublicKeyInfo();
            }
        }
        catch (CryptographicException)
        {
            return null;
        }
        return null;
    }

    private static bool IsP256(byte[] spki)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(spki, out _);
            return key.KeySize == 256 && key.ExportParameters(false).Curve.Oid.FriendlyName is "nistP256" or "ECDSA_P256";
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool IsRsa(byte[] spki)
    {
        try
        {
            using var key = RSA.Create();
            key.ImportSubjectPublicKeyInfo(spki, out _);
            return key.KeySize >= 1024;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
