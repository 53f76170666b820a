using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>Signatures as bytes: decoded strictly, compared in fixed time.</summary>
internal static class SignatureBytes
{
    private const int MostCharacters = 16 * 1024;
    private const int MostChallenge = 128;
    private static readonly SearchValues<char> ChallengeCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>Decodes a signature; null when it is not of this encoding. Hex in either case; base64 with or without padding, without white space.</summary>
    public static byte[]? Decode(string text, SignatureEncoding encoding)
    {
        if (text.Length is 0 or > MostCharacters)
        {
            return null;
        }
        return encoding switch
        {
            SignatureEncoding.Hex => Hex(text),
            SignatureEncoding.Base64Url => Base64Url.IsValid(text) && !text.AsSpan().ContainsAny(" \t\r\n") ? Base64Url.DecodeFromChars(text) : null,
            _ => FromBase64(text),
        };
    }

    public static byte[]? Hex(string text) =>
        text.Length % 2 == 0 && !text.AsSpan().ContainsAnyExcept(HexDigits) ? Convert.FromHexString(text) : null;

    public static byte[]? FromBase64(string text)
    {
        if (text.AsSpan().ContainsAny(" \t\r\n"))
        {
            return null;
        }
        var unpadded = text.TrimEnd('=');
        var padded = unpadded.PadRight((unpadded.Length + 3) / 4 * 4, '=');
        var bytes = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, bytes, out var written) ? bytes[..written] : null;
    }

    /// <summary>Whether two texts are equal, in a time that tells nothing of where they differ, nor of how long the second is.</summary>
    public static bool SameText(string received, string secret)
    {
        Span<byte> left = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> right = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(received), left);
        SHA256.HashData(Encoding.UTF8.GetBytes(secret), right);
        return CryptographicOperations.FixedTimeEquals(left, right);
    }

    /// <summary>
    /// What a vendor wants to see of its challenge: null for what is no challenge. Whoever may have anything signed here could have a forged body signed, so it must be what no
    /// vendor's signed content can be.
    /// </summary>
    public static string? AnswerTo(string challenge, string secret) =>
        challenge.Length is >= 1 and <= MostChallenge && !challenge.AsSpan().ContainsAnyExcept(ChallengeCharacters)
            ? Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.ASCII.GetBytes(challenge)))
            : null;

    /// <summary>CRC-32 as in ISO 3309, which PayPal signs in place of the body.</summary>
    public static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
        }
        return ~crc;
    }
}
