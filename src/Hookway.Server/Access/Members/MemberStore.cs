using System.Data.Common;
using Dapper;
using Hookway.Access.Sessions;
using Hookway.Storage;

namespace Hookway.Access.Members;

/// <summary>Every SQL statement about who belongs to a workspace.</summary>
public sealed class MemberStore(Database database, Configuration configuration, TimeProvider clock)
{
    private const string Select =
        """
        SELECT u.no AS user_no, u.id AS user_id, u.email, u.name, m.role, CASE WHEN u.code_secret IS NULL THEN 0 ELSE 1 END AS has_codes, m.created_at,
            (SELECT max(s.last_seen_at) FROM user_sessions s WHERE s.user_no = u.no) AS last_seen_at
        FROM members m JOIN users u ON u.no = m.user_no
        """;

    /// <summary>The members of a workspace, newest first.</summary>
    public Task<List<Member>> List(long workspaceNo, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<MemberRow>(
            $"{Select} WHERE m.workspace_no = @workspaceNo AND u.no < @before ORDER BY u.no DESC LIMIT @limit", new { workspaceNo, before, limit }))
            .Select(row => row.ToMember()).ToList());

    public Task<Member?> Find(long workspaceNo, string userId) => database.Read(connection => Find(connection, workspaceNo, userId));

    /// <summary>The same, read inside a transaction.</summary>
    public static async Task<Member?> Find(DbConnection connection, long workspaceNo, string userId) =>
        (await connection.QuerySingleOrDefaultAsync<MemberRow>($"{Select} WHERE m.workspace_no = @workspaceNo AND u.id = @userId", new { workspaceNo, userId }))?.ToMember();

    /// <summary>Whether a workspace has an owner, read inside a transaction.</summary>
    public static async Task<bool> HasOwner(DbConnection connection, long workspaceNo) => await CountOwners(connection, workspaceNo) > 0;

    public Task<bool> HasOwner(long workspaceNo) => database.Read(connection => HasOwner(connection, workspaceNo));

    /// <summary>Adds a person to a workspace, in a transaction; one who is there already keeps the role they have.</summary>
    public async Task Add(WriteSession session, ChangedSubjects touched, long workspaceNo, User user, string role)
    {
        var now = clock.GetUtcNow();
        var added = await session.Connection.ExecuteAsync(
            "INSERT INTO members (workspace_no, user_no, role, created_at) VALUES (@workspaceNo, @No, @role, @now) ON CONFLICT (workspace_no, user_no) DO NOTHING",
            new { workspaceNo, user.No, role, now = now.ToUnixTimeMilliseconds() });
        if (added == 1)
        {
            await SessionStore.Touch(session, touched, user.No);
            touched.Record(workspaceNo, now, "member.joined", user.UserId, null, MemberResource.Of((await Find(session.Connection, workspaceNo, user.UserId))!));
        }
    }

    /// <summary>Gives a member another role.</summary>
    public Task<MemberChange> SetRole(long workspaceNo, Actor by, string userId, string role, bool byOwner) =>
        Change(workspaceNo, by, userId, byOwner, role, session => session.Connection.ExecuteAsync(
            "UPDATE members SET role = @role WHERE workspace_no = @workspaceNo AND user_no = (SELECT no FROM users WHERE id = @userId)", new { role, workspaceNo, userId }));

    /// <summary>Takes a person out of a workspace; the account stays.</summary>
    public Task<MemberChange> Remove(long workspaceNo, Actor by, string userId, bool byOwner) =>
        Change(workspaceNo, by, userId, byOwner, role: null, session => session.Connection.ExecuteAsync(
            "DELETE FROM members WHERE workspace_no = @workspaceNo AND user_no = (SELECT no FROM users WHERE id = @userId)", new { workspaceNo, userId }));

    /// <summary>Names a workspace, in the transaction that gives it its owner.</summary>
    public async Task Rename(WriteSession session, ChangedSubjects touched, long workspaceNo, string name)
    {
        var (id, old) = await session.Connection.QuerySingleAsync<(string Id, string Name)>("SELECT id, name FROM workspaces WHERE no = @workspaceNo", new { workspaceNo });
        await session.Connection.ExecuteAsync("UPDATE workspaces SET name = @name WHERE no = @workspaceNo", new { workspaceNo, name });
        touched.Add(Workspace.Subject(workspaceNo));
        touched.Record(workspaceNo, clock.GetUtcNow(), "workspace.updated", id, new { Name = old }, new { Name = name });
    }

    private Task<MemberChange> Change(long workspaceNo, Actor by, string userId, bool byOwner, string? role, Func<WriteSession, Task<int>> change) =>
        configuration.Change(by, async (session, touched) =>
        {
            await Hold(session, workspaceNo);
            if (await Find(session.Connection, workspaceNo, userId) is not { } member)
            {
                return new MemberChange(null, null);
            }
            if ((member.Role == Roles.Owner || role == Roles.Owner) && !byOwner)
            {
                return new MemberChange(member, MemberRefusal.OwnersAreForOwners);
            }
            if (member.Role == Roles.Owner && role != Roles.Owner && await CountOwners(session.Connection, workspaceNo) == 1)
            {
                return new MemberChange(member, MemberRefusal.LastOwner);
            }
            await change(session);
            await SessionStore.Touch(session, touched, member.UserNo);
            await AccessLinkStore.RevokeOf(session, touched, workspaceNo, userId, role, clock.GetUtcNow());
            var changed = member with { Role = role ?? member.Role };
            touched.Record(workspaceNo, clock.GetUtcNow(), role is null ? "member.removed" : "member.updated", userId, MemberResource.Of(member), role is null ? null : MemberResource.Of(changed));
            return new MemberChange(changed, null);
        });

    /// <summary>Has whoever else changes who belongs to a workspace, on whichever node, wait for this transaction: two must not make two first owners, nor take away the last two.</summary>
    internal static Task Hold(WriteSession session, long workspaceNo) =>
        session.Connection.ExecuteAsync("UPDATE workspaces SET name = name WHERE no = @workspaceNo", new { workspaceNo });

    private static Task<long> CountOwners(DbConnection connection, long workspaceNo) => connection.ExecuteScalarAsync<long>(
        "SELECT count(*) FROM members WHERE workspace_no = @workspaceNo AND role = @owner", new { workspaceNo, owner = Roles.Owner });

    private sealed record MemberRow
    {
        public long UserNo { get; init; }
        public string UserId { get; init; } = "";
        public string Email { get; init; } = "";
        public string Name { get; init; } = "";
        public string Role { get; init; } = "";
        public int HasCodes { get; init; }
        public long CreatedAt { get; init; }
        public long? LastSeenAt { get; init; }

        public Member ToMember() => new(UserNo, UserId, Email, Name, Role, HasCodes != 0, Stored.Time(CreatedAt), Stored.Time(LastSeenAt));
    }
}

/// <summary>What became of a change to a member.</summary>
/// <param name="Member">As they are now, or were when they were removed; null when there is no such member.</param>
/// <param name="Refusal">Why nothing was changed; null when it was.</param>
public sealed record MemberChange(Member? Member, MemberRefusal? Refusal);

/// <summary>Why a member was not changed.</summary>
public enum MemberRefusal
{
    /// <summary>Only an owner adds, changes or removes owners.</summary>
    OwnersAreForOwners,

    /// <summary>A workspace keeps at least one owner.</summary>
    LastOwner,
}
