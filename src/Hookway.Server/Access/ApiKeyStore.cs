using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about API keys.</summary>
public sealed class ApiKeyStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "id, workspace_no, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at";

    public Task<bool> HasAny(long workspaceNo) => database.Read(async connection =>
        await connection.ExecuteScalarAsync<long?>("SELECT 1 FROM api_keys WHERE workspace_no = @workspaceNo LIMIT 1", new { workspaceNo }) is not null);

    /// <summary>Adds a key; answers false when a key with this hash is known already, revoked or not.</summary>
    public Task<bool> Add(long workspaceNo, string key, string name, IReadOnlyList<string> scopes, DateTimeOffset? expiresAt) =>
        configuration.Change(async (session, touched) =>
        {
            var hash = ApiKey.HashOf(key);
            touched.Add(ApiKey.SubjectOf(hash));
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
                    hash,
                    scopes = string.Join(' ', scopes),
                    now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                    expiresAt = expiresAt?.ToUnixTimeMilliseconds(),
                }) == 1;
        });

    /// <summary>The key with this text, whether or not it may still be used.</summary>
    public ValueTask<ApiKey?> Find(string key)
    {
        var hash = ApiKey.HashOf(key);
        return configuration.View(ApiKey.SubjectOf(hash), connection => Find(connection, hash));
    }

    /// <summary>Whether a key may still be used, read inside a transaction.</summary>
    public static async Task<bool> IsUsable(WriteSession session, string keyId, DateTimeOffset now) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            "SELECT 1 FROM api_keys WHERE id = @keyId AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > @now)",
            new { keyId, now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Notes that a key was used; kept to the minute, so that reads stay reads.</summary>
    public Task MarkUsed(string keyId, DateTimeOffset at) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE api_keys SET last_used_at = @at WHERE id = @keyId", new { keyId, at = at.ToUnixTimeMilliseconds() }));

    private static async Task<ApiKey?> Find(DbConnection connection, byte[] hash) =>
        (await connection.QuerySingleOrDefaultAsync<KeyRow>($"SELECT {Columns} FROM api_keys WHERE hash = @hash", new { hash }))?.ToKey();

    private sealed record KeyRow(
        string Id, long WorkspaceNo, string Name, string Prefix, byte[] Hash, string Scopes, long CreatedAt, long? ExpiresAt, long? LastUsedAt, long? RevokedAt)
    {
        public ApiKey ToKey() => new(
            Id, WorkspaceNo, Name, Prefix, Scopes.Split(' '), Stored.Time(CreatedAt),
            Stored.Time(ExpiresAt), Stored.Time(LastUsedAt), Stored.Time(RevokedAt), ApiKey.SubjectOf(Hash));
    }
}
