using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Access.Members;

/// <summary>Every SQL statement about links that let someone in once.</summary>
public sealed class AccessLinkStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "no, id, kind, workspace_no, user_no, email, role, invited_by, created_at, expires_at";

    /// <summary>Makes a link; answers it with its token, which is kept nowhere. Links that are over make room.</summary>
    public async Task<(AccessLink Link, string Token)> Create(string kind, long? workspaceNo, long? userNo, string? email, string? role, Actor by)
    {
        var token = AccessLink.NewToken();
        var now = clock.GetUtcNow();
        var link = await configuration.Change(by, async (session, touched) =>
        {
            await session.Connection.ExecuteAsync("DELETE FROM access_links WHERE expires_at <= @now", new { now = now.ToUnixTimeMilliseconds() });
            var added = (await session.Connection.QuerySingleAsync<LinkRow>(
                $"""
                INSERT INTO access_links (id, hash, kind, workspace_no, user_no, email, role, invited_by, created_at, expires_at)
                VALUES (@id, @hash, @kind, @workspaceNo, @userNo, @email, @role, @invitedBy, @now, @expires) RETURNING {Columns}
                """,
                new
                {
                    id = ids.New(IdPrefix.AccessLink),
                    hash = AccessLink.HashOf(token),
                    kind,
                    workspaceNo,
                    userNo,
                    email,
                    role,
                    invitedBy = kind == AccessLink.Invitation && (IsMember(by.Id) || IsKey(by.Id)) ? by.Id : null,
                    now = now.ToUnixTimeMilliseconds(),
                    expires = (now + AccessLink.LifetimeOf(kind)).ToUnixTimeMilliseconds(),
                })).ToLink();
            if (kind == AccessLink.Invitation)
            {
                touched.Record(workspaceNo!.Value, now, "member.invited", added.LinkId, null, InvitationResource.Of(added));
            }
            return added;
        });
        return (link, token);
    }

    /// <summary>The link with this token, if it is of this kind and may still be used; an invitation may while whoever made it could make it now.</summary>
    public Task<AccessLink?> Find(string kind, string token) => database.Read(connection => Find(connection, kind, token));

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<AccessLink?> Find(DbConnection connection, string kind, string token) =>
        await connection.QuerySingleOrDefaultAsync<LinkRow>(
            $"SELECT {Columns} FROM access_links WHERE hash = @hash AND kind = @kind AND expires_at > @now",
            new { hash = AccessLink.HashOf(token), kind, now = clock.GetUtcNow().ToUnixTimeMilliseconds() }) is { } row
        && row.ToLink() is var link && await IsBacked(connection, link) ? link : null;

    /// <summary>Whether whoever made an invitation could make it now.</summary>
    private async Task<bool> IsBacked(DbConnection connection, AccessLink link) => link.InvitedBy switch
    {
        { } member when IsMember(member) => await MemberStore.Find(connection, link.WorkspaceNo!.Value, member) is { } by && MayInvite(by.Role, link),
        { } key when IsKey(key) => await ApiKeyStore.ScopesOf(connection, link.WorkspaceNo!.Value, key, clock.GetUtcNow()) is { } scopes && Roles.MayInvite(scopes, isOwner: false, link.Role!),
        _ => true,
    };

    private static bool MayInvite(string role, AccessLink link) => Roles.MayInvite(Roles.ScopesOf(role), role == Roles.Owner, link.Role!);

    private static bool IsMember(string id) => id.StartsWith(IdPrefix.User + "_", StringComparison.Ordinal);

    private static bool IsKey(string id) => id.StartsWith(IdPrefix.ApiKey + "_", StringComparison.Ordinal);

    /// <summary>The invitations of a workspace that wait to be accepted, newest first.</summary>
    public Task<List<AccessLink>> ListInvitations(long workspaceNo, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<LinkRow>(
            $"""
            SELECT {Columns} FROM access_links WHERE workspace_no = @workspaceNo AND kind = @kind AND expires_at > @now AND no < @before ORDER BY no DESC LIMIT @limit
            """, new { workspaceNo, kind = AccessLink.Invitation, now = clock.GetUtcNow().ToUnixTimeMilliseconds(), before, limit })).Select(row => row.ToLink()).ToList());

    /// <summary>Whether someone was given a link to reset their password since then.</summary>
    public Task<bool> HasReset(long userNo, DateTimeOffset since) => database.Read(async connection => await connection.ExecuteScalarAsync<long?>(
        // Without an index: there are few links, and mails are rare.
        "SELECT 1 FROM access_links WHERE kind = @kind AND user_no = @userNo AND created_at > @since LIMIT 1",
        new { kind = AccessLink.Reset, userNo, since = since.ToUnixTimeMilliseconds() }) is not null);

    /// <summary>Takes an invitation back; null when there is none.</summary>
    public Task<AccessLink?> Revoke(long workspaceNo, Actor by, string linkId) => configuration.Change(by, async (session, touched) =>
    {
        var revoked = (await session.Connection.QuerySingleOrDefaultAsync<LinkRow>(
            $"DELETE FROM access_links WHERE workspace_no = @workspaceNo AND id = @linkId AND kind = @kind RETURNING {Columns}",
            new { workspaceNo, linkId, kind = AccessLink.Invitation }))?.ToLink();
        if (revoked is not null)
        {
            touched.Record(workspaceNo, clock.GetUtcNow(), "member.invitation_revoked", linkId, InvitationResource.Of(revoked), null);
        }
        return revoked;
    });

    /// <summary>Takes back, in the transaction that lessens someone's rights, the invitations of theirs that they could not make any more.</summary>
    /// <param name="role">What they are now; null for a member who has left, and for a key.</param>
    public static async Task RevokeOf(WriteSession session, ChangedSubjects touched, long workspaceNo, string invitedBy, string? role, DateTimeOffset now)
    {
        var theirs = await session.Connection.QueryAsync<LinkRow>(
            $"SELECT {Columns} FROM access_links WHERE workspace_no = @workspaceNo AND kind = @kind AND invited_by = @invitedBy",
            new { workspaceNo, kind = AccessLink.Invitation, invitedBy });
        foreach (var link in theirs.Select(row => row.ToLink()).Where(link => role is null || !MayInvite(role, link)))
        {
            await session.Connection.ExecuteAsync("DELETE FROM access_links WHERE no = @No", new { link.No });
            touched.Record(workspaceNo, now, "member.invitation_revoked", link.LinkId, InvitationResource.Of(link), null);
        }
    }

    /// <summary>Uses up a link, and those that stand for the same: all set-up links of its workspace, all resets of its person. Answers how many; none when another was faster.</summary>
    public static Task<int> Use(WriteSession session, AccessLink link) => session.Connection.ExecuteAsync(
        """
        DELETE FROM access_links WHERE no = @No OR (kind = @Kind AND ((@Kind = 'setup' AND workspace_no = @WorkspaceNo) OR (@Kind = 'reset' AND user_no = @UserNo)))
        """, new { link.No, link.Kind, link.WorkspaceNo, link.UserNo });

    private sealed record LinkRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string Kind { get; init; } = "";
        public long? WorkspaceNo { get; init; }
        public long? UserNo { get; init; }
        public string? Email { get; init; }
        public string? Role { get; init; }
        public string? InvitedBy { get; init; }
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }

        public AccessLink ToLink() => new(No, Id, Kind, WorkspaceNo, UserNo, Email, Role, InvitedBy, Stored.Time(CreatedAt), Stored.Time(ExpiresAt));
    }
}
