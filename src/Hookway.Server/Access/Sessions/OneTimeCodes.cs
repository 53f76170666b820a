using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Hookway.Access.Sessions;

/// <summary>The codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds), and the recovery codes that stand in for it.</summary>
public static class OneTimeCodes
{
    private const int SecretBytes = 20;
    private const int StepSeconds = 30;
    private const int Digits = 6;
    private const int RecoveryCodes = 10;
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(SecretBytes);

    /// <summary>The secret as people type it into an app.</summary>
    public static string Text(byte[] secret)
    {
        var text = new StringBuilder();
        var (buffer, bits) = (0, 0);
        foreach (var octet in secret)
        {
            (buffer, bits) = ((buffer << 8) | octet, bits + 8);
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Base32[(buffer >> bits) & 31]);
            }
            buffer &= (1 << bits) - 1;
        }
        return bits == 0 ? text.ToString() : text.Append(Base32[(buffer << (5 - bits)) & 31]).ToString();
    }

    /// <summary>What an app reads from a QR code.</summary>
    public static string Uri(byte[] secret, string email) =>
        $"otpauth://totp/Hookway:{System.Uri.EscapeDataString(email)}?secret={Text(secret)}&issuer=Hookway";

    /// <summary>The time step whose code this is; null when it is none of now, the one before and the one after, or was used up.</summary>
    /// <param name="usedStep">The last step that was used: its code and all earlier ones are over.</param>
    public static long? StepOf(byte[] secret, string code, long usedStep, DateTimeOffset now)
    {
        var digits = code.Replace(" ", "", StringComparison.Ordinal);
        var current = now.ToUnixTimeSeconds() / StepSeconds;
        for (var step = current - 1; step <= current + 1; step++)
        {
            if (step > usedStep && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(CodeAt(secret, step)), Encoding.UTF8.GetBytes(digits)))
            {
                return step;
            }
        }
        return null;
    }

    /// <summary>The code at this time.</summary>
    public static string CodeAt(byte[] secret, DateTimeOffset now) => CodeAt(secret, now.ToUnixTimeSeconds() / StepSeconds);

    /// <summary>Ten codes of 50 random bits, such as <c>k7m2q-9x4tz</c>.</summary>
    public static IReadOnlyList<string> NewRecoveryCodes() =>
        [.. Enumerable.Range(0, RecoveryCodes).Select(_ => RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz23456789", 10).Insert(5, "-"))];

    /// <summary>How a recovery code is kept.</summary>
    public static string HashOf(string recoveryCode) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(recoveryCode.Trim().ToLowerInvariant().Replace("-", "", StringComparison.Ordinal))));

    private static string CodeAt(byte[] secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
#pragma warning disable CA5350 // Authenticator apps know no other hash.
        HMACSHA1.HashData(secret, counter, mac);
#pragma warning restore CA5350
        var value = (BinaryPrimitives.ReadInt32BigEndian(mac[(mac[^1] & 15)..]) & int.MaxValue) % 1_000_000;
        return value.ToString(CultureInfo.InvariantCulture).PadLeft(Digits, '0');
    }
}
