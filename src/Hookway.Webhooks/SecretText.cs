using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Hookway.Webhooks;

internal enum SecretKind
{
    Shared,
    Signing,
    Public,
}

/// <summary>The text form of secrets: a prefix that names the kind, then base64.</summary>
internal static class SecretText
{
    // Standard Webhooks asks for 24 to 64 bytes, but senders hand out shorter ones: the example in Svix's manual has 18.
    private const int MinSharedSize = 16;
    private const int MaxSharedSize = 64;

    public static string Write(SecretKind kind, ReadOnlySpan<byte> bytes) => Prefix(kind) + Convert.ToBase64String(bytes);

    /// <summary>Reads the prefix and the bytes, of a size that fits the kind. A problem never repeats the text.</summary>
    public static bool TryRead(
        string? text, out SecretKind kind, [NotNullWhen(true)] out byte[]? bytes, [NotNullWhen(false)] out string? problem)
    {
        bytes = null;
        problem = KindProblem(text, out kind);
        if (problem is not null)
        {
            return false;
        }

        var base64 = text.AsSpan(Prefix(kind).Length);
        // .NET's decoder skips white space; in a secret it is a slip of copy and paste that would hide a mistake.
        if (base64.ContainsAny(" \t\r\n") || !Base64.IsValid(base64, out var size))
        {
            problem = $"What follows {Prefix(kind)} is not base64.";
            return false;
        }

        problem = SizeProblem(kind, size);
        if (problem is not null)
        {
            return false;
        }

        bytes = new byte[size];
        return Convert.TryFromBase64Chars(base64, bytes, out _);
    }

    private static string? KindProblem(string? text, out SecretKind kind)
    {
        kind = default;
        if (string.IsNullOrEmpty(text))
        {
            return "The secret is empty.";
        }

        foreach (var candidate in Enum.GetValues<SecretKind>())
        {
            if (text.StartsWith(Prefix(candidate), StringComparison.Ordinal))
            {
                kind = candidate;
                return null;
            }
        }

        return "A secret starts with whsec_, whsk_ or whpk_.";
    }

    private static string? SizeProblem(SecretKind kind, int size) => kind switch
    {
        SecretKind.Shared when size is < MinSharedSize or > MaxSharedSize =>
            $"A whsec_ secret holds {MinSharedSize} to {MaxSharedSize} bytes, not {size}.",
        SecretKind.Signing when size is not (32 or 64) =>
            $"A whsk_ key holds 32 bytes, or 64 with its public half, not {size}.",
        SecretKind.Public when size != 32 => $"A whpk_ key holds 32 bytes, not {size}.",
        _ => null,
    };

    private static string Prefix(SecretKind kind) => kind switch
    {
        SecretKind.Shared => "whsec_",
        SecretKind.Signing => "whsk_",
        _ => "whpk_",
    };
}
