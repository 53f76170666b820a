using System.Security.Cryptography;
using System.Text;
using System.Buffers.Text;
using Hookway.Access.Members;

namespace Hookway.Access.Sessions;

/// <summary>One signed-in browser, with all that a request of it needs to know: whose it is and where they belong.</summary>
public sealed record Session(
    string SessionId, User User, IReadOnlyList<Membership> Memberships, string Device, string Address,
    DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt)
{
    /// <summary>How long a browser stays signed in.</summary>
    public static TimeSpan Lifetime { get; } = TimeSpan.FromDays(14);

    public bool IsUsable(DateTimeOffset now) => ExpiresAt > now;

    public Membership? In(string? workspaceId) => Memberships.FirstOrDefault(membership => membership.Workspace.WorkspaceId == workspaceId);

    /// <summary>256 random bits: the value of the cookie. Kept hashed.</summary>
    public static string NewToken() => AccessLink.NewToken();

    /// <summary>What views of a session depend on.</summary>
    public static string Subject(byte[] hash) => "session:" + Convert.ToHexStringLower(hash);

    /// <summary>
    /// What a write must carry beside the cookie. It is made from the cookie's value, which no other site can read, so it needs no storage and ends with the session.
    /// </summary>
    public static string AntiforgeryOf(string token) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), "antiforgery"u8));

    public static bool IsAntiforgery(string token, string? given) =>
        given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(AntiforgeryOf(token)), Encoding.UTF8.GetBytes(given));
}
