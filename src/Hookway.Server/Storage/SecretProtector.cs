using System.Security.Cryptography;
using System.Text;

namespace Hookway.Storage;

/// <summary>
/// Encrypts what must not lie readable in the store (signing secrets, header values) with AES-256-GCM under the master key. The sealed form is
/// version (1 byte), key id (4), nonce (12), tag (16), ciphertext; the purpose is authenticated with it, so a sealed value cannot be moved elsewhere.
/// </summary>
public sealed class SecretProtector
{
    private const byte Version = 1;
    private const int KeyIdLength = 4;
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int HeaderLength = 1 + KeyIdLength + NonceLength + TagLength;

    private readonly byte[] _key;
    private readonly byte[] _keyId;

    public SecretProtector(byte[] masterKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(masterKey.Length, MasterKey.Length);
        _key = masterKey;
        _keyId = SHA256.HashData(masterKey)[..KeyIdLength];
    }

    /// <summary>Seals a text for one purpose, such as the id of the endpoint it belongs to.</summary>
    public byte[] Protect(string text, string purpose)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var sealedBytes = new byte[HeaderLength + plain.Length];
        sealedBytes[0] = Version;
        _keyId.CopyTo(sealedBytes, 1);
        var nonce = sealedBytes.AsSpan(1 + KeyIdLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        var tag = sealedBytes.AsSpan(1 + KeyIdLength + NonceLength, TagLength);
        using var aes = new AesGcm(_key, TagLength);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(HeaderLength), tag, Encoding.UTF8.GetBytes(purpose));
        return sealedBytes;
    }

    /// <summary>Opens what <see cref="Protect"/> sealed for the same purpose.</summary>
    /// <exception cref="CryptographicException">It was sealed under another master key or for another purpose, or was changed.</exception>
    public string Unprotect(byte[] sealedBytes, string purpose)
    {
        if (sealedBytes.Length < HeaderLength || sealedBytes[0] != Version)
        {
            throw new CryptographicException("The stored secret is not in a form this version can open.");
        }
        if (!sealedBytes.AsSpan(1, KeyIdLength).SequenceEqual(_keyId))
        {
            throw new CryptographicException("The stored secret was sealed under another master key than the one this server was given.");
        }
        var plain = new byte[sealedBytes.Length - HeaderLength];
        using var aes = new AesGcm(_key, TagLength);
        aes.Decrypt(
            sealedBytes.AsSpan(1 + KeyIdLength, NonceLength), sealedBytes.AsSpan(HeaderLength),
            sealedBytes.AsSpan(1 + KeyIdLength + NonceLength, TagLength), plain, Encoding.UTF8.GetBytes(purpose));
        return Encoding.UTF8.GetString(plain);
    }
}
