using System.Data.Common;
using Dapper;
using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about API keys.</summary>
public sealed class ApiKeyStore(Database database, Configuration configuration, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "no, id, workspace_no, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at";

    public Task<bool> HasAny(long workspaceNo) => database.Read(async connection =>
        await connection.ExecuteScalarAsync<long?>("SELECT 1 FROM api_keys WHERE workspace_no = @workspaceNo LIMIT 1", new { workspaceNo }) is not null);

    /// <summary>Adds a key; null when a key with this hash is known already, revoked or not.</summary>
    public Task<ApiKey?> Add(long workspaceNo, Actor by, string key, string name, IReadOnlyList<string> scopes, DateTimeOffset? expiresAt) =>
        configuration.Change(by, async (session, touched) =>
        {
            var hash = ApiKey.HashOf(key);
            var now = clock.GetUtcNow();
            var added = (await session.Connection.QuerySingleOrDefaultAsync<KeyRow>(
                $"""
                INSERT INTO api_keys (id, workspace_no, name, prefix, hash, scopes, created_at, expires_at)
                VALUES (@id, @workspaceNo, @name, @prefix, @hash, @scopes, @now, @expiresAt)
                ON CONFLICT (hash) DO NOTHING RETURNING {Columns}
                """,
                new
                {
                    id = ids.New(IdPrefix.ApiKey),
                    workspaceNo,
                    name,
                    prefix = ApiKey.PrefixOf(key),
                    hash,
                    scopes = string.Join(' ', scopes),
                    now = now.ToUnixTimeMilliseconds(),
                    expiresAt = expiresAt?.ToUnixTimeMilliseconds(),
                }))?.ToKey();
            if (added is not null)
            {
                touched.Add(added.Subject);
                touched.Record(workspaceNo, now, "api_key.created", added.KeyId, null, ApiKeyResource.Of(added));
            }
            return added;
        });

    /// <summary>Revokes a key, once and for all; null when it is not of this workspace.</summary>
    public Task<ApiKey?> Revoke(long workspaceNo, Actor by, string keyId) => configuration.Change(by, async (session, touched) =>
    {
        var old = (await session.Connection.QuerySingleOrDefaultAsync<KeyRow>(
            $"SELECT {Columns} FROM api_keys WHERE id = @keyId AND workspace_no = @workspaceNo", new { keyId, workspaceNo }))?.ToKey();
        if (old is null or { RevokedAt: not null })
        {
            return old;
        }
        var now = clock.GetUtcNow();
        var revoked = (await session.Connection.QuerySingleAsync<KeyRow>(
            $"UPDATE api_keys SET revoked_at = @now WHERE no = @No RETURNING {Columns}", new { old.No, now = now.ToUnixTimeMilliseconds() })).ToKey();
        touched.Add(revoked.Subject);
        touched.Record(workspaceNo, now, "api_key.revoked", keyId, ApiKeyResource.Of(old), ApiKeyResource.Of(revoked));
        await AccessLinkStore.RevokeOf(session, touched, workspaceNo, keyId, role: null, now);
        return revoked;
    });

    public Task<List<ApiKey>> List(long workspaceNo, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<KeyRow>(
            $"SELECT {Columns} FROM api_keys WHERE workspace_no = @workspaceNo AND no < @before ORDER BY no DESC LIMIT @limit",
            new { workspaceNo, before, limit })).Select(row => row.ToKey()).ToList());

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

    /// <summary>What a key may do; null when it may not be used any more.</summary>
    public static async Task<IReadOnlyList<string>?> ScopesOf(DbConnection connection, long workspaceNo, string keyId, DateTimeOffset now) =>
        (await connection.ExecuteScalarAsync<string?>(
            "SELECT scopes FROM api_keys WHERE id = @keyId AND workspace_no = @workspaceNo AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > @now)",
            new { keyId, workspaceNo, now = now.ToUnixTimeMilliseconds() }))?.Split(' ');

    /// <summary>Notes that a key was used; kept to the minute, so that reads stay reads.</summary>
    public Task MarkUsed(string keyId, DateTimeOffset at) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE api_keys SET last_used_at = @at WHERE id = @keyId", new { keyId, at = at.ToUnixTimeMilliseconds() }));

    private static async Task<ApiKey?> Find(DbConnection connection, byte[] hash) =>
        (await connection.QuerySingleOrDefaultAsync<KeyRow>($"SELECT {Columns} FROM api_keys WHERE hash = @hash", new { hash }))?.ToKey();

    private sealed record KeyRow(
        long No, string Id, long WorkspaceNo, string Name, string Prefix, byte[] Hash, string Scopes, long CreatedAt, long? ExpiresAt, long? LastUsedAt, long? RevokedAt)
    {
        public ApiKey ToKey() => new(
            No, Id, WorkspaceNo, Name, Prefix, Scopes.Split(' '), Stored.Time(CreatedAt),
            Stored.Time(ExpiresAt), Stored.Time(LastUsedAt), Stored.Time(RevokedAt), ApiKey.SubjectOf(Hash));
    }
}
