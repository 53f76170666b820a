using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access.Portals;

/// <summary>What lets one recipient into its part of an app for a while: a token that is the only authority, kept as a hash.</summary>
/// <param name="AppId">The app, by its public id.</param>
/// <param name="Recipient">The recipient, by the caller's own id.</param>
/// <param name="Capabilities">What it may do (<see cref="Access.Capabilities"/>), where the workspace has not capped it since.</param>
public sealed record PortalSession(
    string PortalSessionId, long WorkspaceNo, string AppId, string Recipient, IReadOnlyList<string> Capabilities,
    DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? RevokedAt, string Subject)
    : Credential(PortalSessionId, Recipient, Subject)
{
    public const string TextPrefix = "hwp_";
    public const int DefaultSeconds = 3_600;
    public const int FewestSeconds = 60;
    public const int MostSeconds = 604_800;
    public const int MostReturnUrlCharacters = 2_048;

    private const int RandomLength = 40;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly SearchValues<char> Characters = SearchValues.Create(Alphabet);

    public bool IsUsable(DateTimeOffset now) => RevokedAt is null && ExpiresAt > now;

    public override Task<bool> Stands(WriteSession session, DateTimeOffset now) => PortalSessionStore.IsUsable(session, PortalSessionId, now);

    /// <summary>A new random token: <c>hwp_</c> and 40 letters and digits.</summary>
    public static string GenerateToken() => TextPrefix + RandomNumberGenerator.GetString(Alphabet, RandomLength);

    public static bool IsToken(string text) =>
        text.Length == TextPrefix.Length + RandomLength && text.StartsWith(TextPrefix, StringComparison.Ordinal) && text.AsSpan(TextPrefix.Length).IndexOfAnyExcept(Characters) < 0;

    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.ASCII.GetBytes(token));

    /// <summary>What the view of a session depends on.</summary>
    public static string SubjectOf(byte[] hash) => "portal:" + Convert.ToHexStringLower(hash);

    /// <summary>The page of a token, below the server's address.</summary>
    public static string PathOf(string token) => $"/portal/{token}/";

    /// <summary>Adds what is wrong with how long a session is to last, and with where its back link leads.</summary>
    public static void Check(int? expiresInSeconds, string? returnUrl, FieldErrors errors)
    {
        if (expiresInSeconds is < FewestSeconds or > MostSeconds)
        {
            errors.Add("expiresInSeconds", $"must be from {FewestSeconds} to {MostSeconds}");
        }
        if (returnUrl is not null && (returnUrl.Length > MostReturnUrlCharacters || !Uri.TryCreate(returnUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")))
        {
            errors.Add("returnUrl", $"must be an absolute http or https URL of at most {MostReturnUrlCharacters} characters");
        }
    }
}

/// <summary>How a portal session looks, and where it leads back to.</summary>
/// <param name="Session">It may have expired a while ago, or been revoked.</param>
public sealed record PortalAppearance(PortalSession Session, PortalTheme Theme, string? ReturnUrl);
