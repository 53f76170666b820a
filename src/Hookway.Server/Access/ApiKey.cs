using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>An API key as it is kept: its hash and what it may do, never the key itself.</summary>
public sealed record ApiKey(
    long No, string KeyId, long WorkspaceNo, string Name, string Prefix, IReadOnlyList<string> Scopes,
    DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt, string Subject)
    : Credential(KeyId, Name, Subject)
{
    public const string TextPrefix = "hwk_";
    public const int MostNameCharacters = 200;
    private const int RandomLength = 40;
    private const int ShownLength = 12;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly SearchValues<char> Characters = SearchValues.Create(Alphabet);

    public bool IsUsable(DateTimeOffset now) => RevokedAt is null && !(ExpiresAt <= now);

    public override Task<bool> Stands(WriteSession session, DateTimeOffset now) => ApiKeyStore.IsUsable(session, KeyId, now);

    /// <summary>What the view of a key depends on.</summary>
    public static string SubjectOf(byte[] hash) => "key:" + Convert.ToHexStringLower(hash);

    /// <summary>Adds what is wrong with a new key's fields.</summary>
    public static void Check(string? name, IReadOnlyList<string?>? scopes, DateTimeOffset? expiresAt, DateTimeOffset now, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MostNameCharacters)
        {
            errors.Add("name", $"is required, 1 to {MostNameCharacters} characters");
        }
        if (scopes is not { Count: > 0 })
        {
            errors.Add("scopes", "is required: at least one scope");
        }
        for (var i = 0; i < scopes?.Count; i++)
        {
            if (!Access.Scopes.All.Contains(scopes[i]))
            {
                errors.Add($"scopes[{i}]", $"must be one of {string.Join(", ", Access.Scopes.All)}");
            }
        }
        if (expiresAt <= now)
        {
            errors.Add("expiresAt", "must be in the future");
        }
    }

    /// <summary>A new random key: <c>hwk_</c> and 40 letters and digits (238 bits).</summary>
    public static string Generate() => TextPrefix + RandomNumberGenerator.GetString(Alphabet, RandomLength);

    /// <summary>Whether an operator's own key has the form of one: <c>hwk_</c> and at least 24 of <c>A-Za-z0-9</c>.</summary>
    public static bool IsWellFormed(string key) =>
        key.StartsWith(TextPrefix, StringComparison.Ordinal) && key.Length >= TextPrefix.Length + 24 && key.Length <= 256
        && key.AsSpan(TextPrefix.Length).IndexOfAnyExcept(Characters) < 0;

    /// <summary>The part of a key that lists show.</summary>
    public static string PrefixOf(string key) => key[..ShownLength];

    /// <summary>SHA-256: the keys are random, so a slow hash would protect nothing more.</summary>
    public static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
