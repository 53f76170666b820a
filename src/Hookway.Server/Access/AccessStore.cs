using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about workspaces and API keys.</summary>
public sealed class AccessStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const string KeyColumns = "id, workspace_no, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at";

    /// <summary>The workspace with this name, made when there is none.</summary>
    public Task<(Workspace Workspace, bool Created)> FindOrCreateWorkspace(string name) => database.Write(async session =>
    {
        var row = await session.Connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE name = @name ORDER BY no LIMIT 1", new { name });
        if (row is not null)
        {
            return (row.ToWorkspace(), false);
        }
        var id = ids.New(IdPrefix.Workspace);
        var no = await session.Connection.ExecuteScalarAsync<long>(
            "INSERT INTO workspaces (id, name, created_at) VALUES (@id, @name, @now) RETURNING no",
            new { id, name, now = clock.GetUtcNow().ToUnixTimeMilliseconds() });
        return (new Workspace(no, id, name), true);
    });

    public Task<Workspace?> FindWorkspace(string idOrName) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<WorkspaceRow>(
            "SELECT no, id, name FROM workspaces WHERE id = @idOrName OR name = @idOrName ORDER BY no LIMIT 1", new { idOrName }))?.ToWorkspace());

    public Task<bool> HasKeys(long workspaceNo) => database.Read(async connection =>
        await connection.ExecuteScalarAsync<long?>("SELECT 1 FROM api_keys WHERE workspace_no = @workspaceNo LIMIT 1", new { workspaceNo }) is not null);

    /// <summary>Adds a key; answers false when a key with this hash is known already, revoked or not.</summary>
    public Task<bool> AddKey(long workspaceNo, string key, string name, IReadOnlyList<string> scopes, DateTimeOffset? expiresAt) =>
        configuration.Change(async (session, touched) =>
        {
            touched.Add(Subject(ApiKey.HashOf(key)));
            return await session.Connection.ExecuteAsync(
                """
                INSERT INTO api_keys (id, workspace_no, name, prefix, hash, scopes, created_at, expires_at)
                VALUES (@id, @workspaceNo, @name, @prefix, @hash, @scopes, @now, @expiresAt)
                ON CONFLICT (hash) DO NOTHING
                """,
                new
                {
                    id = ids.New(IdPrefix.ApiKey),
                    workspaceNo,
                    name,
                    prefix = ApiKey.PrefixOf(key),
                    hash = ApiKey.HashOf(key),
                    scopes = string.Join(' ', scopes),
                    now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                    expiresAt = expiresAt?.ToUnixTimeMilliseconds(),
                }) == 1;
        });

    /// <summary>The key with this text, whether or not it may still be used.</summary>
    public ValueTask<ApiKey?> FindKey(string key)
    {
        var hash = ApiKey.HashOf(key);
        return configuration.View(Subject(hash), connection => FindKey(connection, hash));
    }

    /// <summary>Whether a key may still be used, read inside a transaction.</summary>
    public static async Task<bool> IsUsable(WriteSession session, string keyId, DateTimeOffset now) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            "SELECT 1 FROM api_keys WHERE id = @keyId AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > @now)",
            new { keyId, now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Notes that a key was used; kept to the minute, so that reads stay reads.</summary>
    public Task MarkUsed(string keyId, DateTimeOffset at) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE api_keys SET last_used_at = @at WHERE id = @keyId", new { keyId, at = at.ToUnixTimeMilliseconds() }));

    /// <summary>What the view of a key depends on.</summary>
    public static string Subject(byte[] hash) => "key:" + Convert.ToHexStringLower(hash);

    private static async Task<ApiKey?> FindKey(DbConnection connection, byte[] hash) =>
        (await connection.QuerySingleOrDefaultAsync<KeyRow>($"SELECT {KeyColumns} FROM api_keys WHERE hash = @hash", new { hash }))?.ToKey();

    private sealed record WorkspaceRow(long No, string Id, string Name)
    {
        public Workspace ToWorkspace() => new(No, Id, Name);
    }

    private sealed record KeyRow(
        string Id, long WorkspaceNo, string Name, string Prefix, string Scopes, long CreatedAt, long? ExpiresAt, long? LastUsedAt, long? RevokedAt)
    {
        public ApiKey ToKey() => new(
            Id, WorkspaceNo, Name, Prefix, Scopes.Split(' '), Stored.Time(CreatedAt),
            Stored.Time(ExpiresAt), Stored.Time(LastUsedAt), Stored.Time(RevokedAt));
    }
}
