using System.Security.Cryptography;
using System.Text;
using System.Buffers.Text;

namespace Hookway.Access.Members;

/// <summary>A link that lets someone in once: into a workspace without an owner, by invitation, or back to an account whose password was forgotten.</summary>
/// <param name="WorkspaceNo">The workspace it leads into; null for a reset.</param>
/// <param name="UserNo">Whose password it resets; null for the others.</param>
/// <param name="InvitedBy">The id of the member or the key that made an invitation; null where the operator did.</param>
public sealed record AccessLink(
    long No, string LinkId, string Kind, long? WorkspaceNo, long? UserNo, string? Email, string? Role, string? InvitedBy, DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt)
{
    public const string SetUp = "setup";
    public const string Invitation = "invite";
    public const string Reset = "reset";

    private const int TokenBytes = 32;

    /// <summary>How long a link of this kind may be used.</summary>
    public static TimeSpan LifetimeOf(string kind) => kind == Reset ? TimeSpan.FromHours(1) : TimeSpan.FromDays(7);

    /// <summary>The page that a link of this kind opens.</summary>
    public static string PathOf(string kind, string token) => kind switch
    {
        SetUp => "/set-up/" + token,
        Invitation => "/join/" + token,
        _ => "/reset-password/" + token,
    };

    /// <summary>256 random bits, safe in a URL.</summary>
    public static string NewToken() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));

    /// <summary>SHA-256: tokens are random, so a slow hash would protect nothing more.</summary>
    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
