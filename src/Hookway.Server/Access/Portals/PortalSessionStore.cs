using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Access.Portals;

/// <summary>Every SQL statement about portal sessions.</summary>
public sealed class PortalSessionStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "id, workspace_no, app_id, recipient, capabilities, created_at, expires_at, revoked_at, hash";
    private const int TrimmedPerSession = 2;

    /// <summary>An expired session is kept a while, so that its page can say so and lead back.</summary>
    private static readonly TimeSpan KeptExpired = TimeSpan.FromDays(1);

    /// <summary>Opens a session; answers it with its token, which can be read here only.</summary>
    /// <param name="also">What else is to be there with it, in the same transaction.</param>
    public async Task<(PortalSession Session, string Token)> Create(long workspaceNo, Actor by, NewPortalSession session, Func<WriteSession, ChangedSubjects, Task> also)
    {
        var token = PortalSession.GenerateToken();
        return (await configuration.Change(by, (store, touched) => Insert(store, touched, workspaceNo, session, PortalSession.HashOf(token), also)), token);
    }

    private async Task<PortalSession> Insert(
        WriteSession store, ChangedSubjects touched, long workspaceNo, NewPortalSession session, byte[] hash, Func<WriteSession, ChangedSubjects, Task> also)
    {
        await also(store, touched);
        var now = clock.GetUtcNow();
        var created = (await store.Connection.QuerySingleAsync<SessionRow>(
            $"""
            INSERT INTO portal_sessions (id, hash, workspace_no, app_id, recipient, capabilities, theme, return_url, created_at, expires_at)
            VALUES (@id, @hash, @workspaceNo, @AppId, @Recipient, @capabilities, @theme, @ReturnUrl, @now, @expiresAt) RETURNING {Columns}
            """,
            new
            {
                id = ids.New(IdPrefix.PortalSession), hash, workspaceNo, session.AppId, session.Recipient, capabilities = string.Join(' ', session.Capabilities),
                theme = session.Theme.ToJson(), session.ReturnUrl, now = now.ToUnixTimeMilliseconds(), expiresAt = (now + session.Lifetime).ToUnixTimeMilliseconds(),
            })).ToSession();
        // Each new session pays for two old ones, so the table needs no sweep of its own.
        await store.Connection.ExecuteAsync(
            "DELETE FROM portal_sessions WHERE id IN (SELECT id FROM portal_sessions WHERE expires_at < @old ORDER BY expires_at LIMIT @most)",
            new { old = (now - KeptExpired).ToUnixTimeMilliseconds(), most = TrimmedPerSession });
        touched.Add(created.Subject);
        touched.Record(workspaceNo, now, "portal_session.created", created.PortalSessionId, null, PortalSessionAudit.Of(created));
        return created;
    }

    /// <summary>The session with this token, kept in memory, whether or not it may still be used.</summary>
    public ValueTask<PortalSession?> View(string token)
    {
        var hash = PortalSession.HashOf(token);
        return configuration.View(PortalSession.SubjectOf(hash), async connection =>
            (await connection.QuerySingleOrDefaultAsync<SessionRow>($"SELECT {Columns} FROM portal_sessions WHERE hash = @hash", new { hash }))?.ToSession());
    }

    /// <summary>The session with how it looks, which is not kept in memory: a logo is large.</summary>
    public Task<PortalAppearance?> FindAppearance(string token) => database.Read(async connection =>
        await connection.QuerySingleOrDefaultAsync<SessionRow>(
            $"SELECT {Columns}, theme, return_url FROM portal_sessions WHERE hash = @hash", new { hash = PortalSession.HashOf(token) }) is { } row
            ? new PortalAppearance(row.ToSession(), PortalTheme.FromJson(row.Theme), row.ReturnUrl)
            : null);

    /// <summary>Whether a session may still be used, read inside a transaction.</summary>
    public static async Task<bool> IsUsable(WriteSession session, string id, DateTimeOffset now) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            "SELECT 1 FROM portal_sessions WHERE id = @id AND revoked_at IS NULL AND expires_at > @now", new { id, now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Revokes one session of an app; null when there is none. Revoking twice keeps the first time.</summary>
    public Task<PortalSession?> Revoke(long workspaceNo, Actor by, string appId, string id) => configuration.Change(by, async (session, touched) =>
    {
        var old = (await session.Connection.QuerySingleOrDefaultAsync<SessionRow>(
            $"SELECT {Columns} FROM portal_sessions WHERE id = @id AND app_id = @appId AND workspace_no = @workspaceNo", new { id, appId, workspaceNo }))?.ToSession();
        if (old is null or { RevokedAt: not null })
        {
            return old;
        }
        var revoked = (await Revoke(session.Connection, "id = @id", new { id, now = Now })).Single();
        touched.Add(revoked.Subject);
        touched.Record(workspaceNo, revoked.RevokedAt!.Value, "portal_session.revoked", id, PortalSessionAudit.Of(old), PortalSessionAudit.Of(revoked));
        return revoked;
    });

    /// <summary>Revokes the open sessions of an app, or of one recipient of it, in the transaction that ends these.</summary>
    /// <param name="recipient">Null for all of the app's.</param>
    public async Task RevokeAll(WriteSession session, ChangedSubjects touched, string appId, string? recipient)
    {
        var now = Now;
        var of = recipient is null ? "app_id = @appId" : "app_id = @appId AND recipient = @recipient";
        foreach (var revoked in await Revoke(session.Connection, $"{of} AND revoked_at IS NULL AND expires_at > @now", new { appId, recipient, now }))
        {
            touched.Add(revoked.Subject);
        }
    }

    private static async Task<List<PortalSession>> Revoke(DbConnection connection, string which, object values) =>
        (await connection.QueryAsync<SessionRow>($"UPDATE portal_sessions SET revoked_at = @now WHERE {which} RETURNING {Columns}", values)).Select(row => row.ToSession()).ToList();

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record SessionRow
    {
        public string Id { get; init; } = "";
        public long WorkspaceNo { get; init; }
        public string AppId { get; init; } = "";
        public string Recipient { get; init; } = "";
        public string Capabilities { get; init; } = "";
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }
        public long? RevokedAt { get; init; }
        public byte[] Hash { get; init; } = [];
        public string? Theme { get; init; }
        public string? ReturnUrl { get; init; }

        public PortalSession ToSession() => new(
            Id, WorkspaceNo, AppId, Recipient, Capabilities.Split(' '), Stored.Time(CreatedAt), Stored.Time(ExpiresAt), Stored.Time(RevokedAt), PortalSession.SubjectOf(Hash));
    }
}

/// <summary>A session that is opened.</summary>
public sealed record NewPortalSession(
    string AppId, string Recipient, IReadOnlyList<string> Capabilities, PortalTheme Theme, string? ReturnUrl, TimeSpan Lifetime);

/// <summary>A session as the audit log keeps it.</summary>
public sealed record PortalSessionAudit(string AppId, string Recipient, IReadOnlyList<string> Capabilities, DateTimeOffset ExpiresAt, DateTimeOffset? RevokedAt)
{
    public static PortalSessionAudit Of(PortalSession session) => new(session.AppId, session.Recipient, session.Capabilities, session.ExpiresAt, session.RevokedAt);
}
