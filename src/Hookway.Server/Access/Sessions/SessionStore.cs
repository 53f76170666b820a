using System.Data.Common;
using Dapper;
using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Access.Sessions;

/// <summary>Every SQL statement about the sessions of people.</summary>
public sealed class SessionStore(Database database, Configuration configuration, UserStore users, IdGenerator ids, TimeProvider clock)
{
    private const int MostDeviceCharacters = 200;
    private const string Columns = "id, user_no, device, address, created_at, last_seen_at, expires_at";

    /// <summary>Opens a session; answers the token for the cookie, which is kept nowhere. Sessions that are over make room.</summary>
    public async Task<string> Open(long userNo, string device, string address)
    {
        var token = Session.NewToken();
        await database.Write(async session =>
        {
            await session.Connection.ExecuteAsync("DELETE FROM user_sessions WHERE user_no = @userNo AND expires_at <= @now", new { userNo, now = Now });
            return await session.Connection.ExecuteAsync(
                """
                INSERT INTO user_sessions (id, hash, user_no, device, address, created_at, last_seen_at, expires_at)
                VALUES (@id, @hash, @userNo, @device, @address, @now, @now, @expires)
                """,
                new
                {
                    id = ids.New(IdPrefix.Session),
                    hash = AccessLink.HashOf(token),
                    userNo,
                    device = device[..Math.Min(device.Length, MostDeviceCharacters)],
                    address,
                    now = Now,
                    expires = (clock.GetUtcNow() + Session.Lifetime).ToUnixTimeMilliseconds(),
                });
        });
        return token;
    }

    /// <summary>The session of a cookie, kept in memory; null when there is none. Whether it may still be used is for the caller to ask.</summary>
    public ValueTask<Session?> View(string token)
    {
        var hash = AccessLink.HashOf(token);
        return configuration.View(Session.Subject(hash), connection => Load(connection, hash));
    }

    /// <summary>The sessions of a person that are not over, newest first.</summary>
    public Task<List<Session>> List(User user) => database.Read(async connection =>
        (await connection.QueryAsync<SessionRow>(
            $"SELECT {Columns} FROM user_sessions WHERE user_no = @No AND expires_at > @now ORDER BY no DESC", new { user.No, now = Now }))
            .Select(row => row.ToSession(user, [])).ToList());

    /// <summary>Ends one session of a person; false when there is none.</summary>
    public Task<bool> End(long userNo, string sessionId) => configuration.ChangeUnrecorded(async (session, touched) =>
    {
        if ((await session.Connection.QueryAsync<byte[]>(
            "DELETE FROM user_sessions WHERE id = @sessionId AND user_no = @userNo RETURNING hash", new { sessionId, userNo })).AsList() is not [var hash])
        {
            return false;
        }
        touched.Add(Session.Subject(hash));
        return true;
    });

    /// <summary>Ends the sessions of a person in a transaction; answers how many.</summary>
    /// <param name="except">The id of one that stays.</param>
    public static async Task<int> EndAll(WriteSession session, ChangedSubjects touched, long userNo, string? except)
    {
        var ended = (await session.Connection.QueryAsync<byte[]>(
            "DELETE FROM user_sessions WHERE user_no = @userNo AND id <> @except RETURNING hash", new { userNo, except = except ?? "" })).AsList();
        ended.ForEach(hash => touched.Add(Session.Subject(hash)));
        return ended.Count;
    }

    /// <summary>What sessions of a person show is about to change.</summary>
    public static async Task Touch(WriteSession session, ChangedSubjects touched, long userNo)
    {
        foreach (var hash in await session.Connection.QueryAsync<byte[]>("SELECT hash FROM user_sessions WHERE user_no = @userNo", new { userNo }))
        {
            touched.Add(Session.Subject(hash));
        }
    }

    /// <summary>Whether a session may still act in a workspace with all of these scopes, read inside a transaction.</summary>
    public static async Task<bool> IsUsable(WriteSession session, string sessionId, long workspaceNo, string role, DateTimeOffset now) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            """
            SELECT 1 FROM user_sessions s JOIN members m ON m.user_no = s.user_no AND m.workspace_no = @workspaceNo
            WHERE s.id = @sessionId AND s.expires_at > @now AND m.role = @role
            """, new { sessionId, workspaceNo, role, now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Notes that a session was used.</summary>
    public Task MarkSeen(string sessionId, DateTimeOffset at) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE user_sessions SET last_seen_at = @at WHERE id = @sessionId", new { sessionId, at = at.ToUnixTimeMilliseconds() }));

    private async Task<Session?> Load(DbConnection connection, byte[] hash)
    {
        if (await connection.QuerySingleOrDefaultAsync<SessionRow>($"SELECT {Columns} FROM user_sessions WHERE hash = @hash", new { hash }) is not { } row
            || await users.Find(connection, row.UserNo) is not { } user)
        {
            return null;
        }
        var memberships = await connection.QueryAsync<(long No, string Id, string Name, string Role)>(
            "SELECT w.no, w.id, w.name, m.role FROM members m JOIN workspaces w ON w.no = m.workspace_no WHERE m.user_no = @No ORDER BY w.name, w.no", new { user.No });
        return row.ToSession(user, [.. memberships.Select(item => new Membership(new WorkspaceName(item.No, item.Id, item.Name), item.Role))]);
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record SessionRow(string Id, long UserNo, string Device, string Address, long CreatedAt, long LastSeenAt, long ExpiresAt)
    {
        public Session ToSession(User user, IReadOnlyList<Membership> memberships) => new(
            Id, user, memberships, Device, Address, Stored.Time(CreatedAt), Stored.Time(LastSeenAt), Stored.Time(ExpiresAt));
    }
}
