using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Api;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Sources;

/// <summary>Every SQL statement about sources. Secrets and tokens are sealed before they reach one.</summary>
public sealed class SourceStore(Database database, Configuration configuration, SecretProtector protector, IdGenerator ids, TimeProvider clock)
{
    private const string Columns =
        """
        s.no, s.id, s.workspace_no, s.name, s.vendor, s.enabled, s.secrets, s.verification, s.public_url, s.forward_duplicates, s.retention_days, s.rate_limit_per_minute,
        s.expectations, s.token, s.previous_tokens, s.data_key, s.created_at, s.updated_at, s.archived_at
        """;

    public Task<Source> Create(Caller caller, SourceSettings settings) => configuration.Change(caller.Actor, async (session, touched) =>
    {
        var id = ids.New(IdPrefix.Source);
        var now = clock.GetUtcNow();
        var no = await session.Connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO sources (id, workspace_no, name, vendor, enabled, secrets, verification, public_url, forward_duplicates, retention_days, rate_limit_per_minute,
                expectations, token, data_key, created_at, updated_at)
            VALUES (@id, @WorkspaceNo, @name, @vendor, @enabled, @secrets, @verification, @publicUrl, @forwardDuplicates, @retentionDays, @rateLimitPerMinute,
                @expectations, @token, @dataKey, @now, @now)
            RETURNING no
            """,
            Values(id, settings, Source.NewToken(), new { caller.WorkspaceNo, dataKey = protector.Protect(EventSeal.NewDataKey(), DataKeyPurpose(id)), now = now.ToUnixTimeMilliseconds() }));
        touched.Add(Source.Subject(id));
        var created = (await Load(session.Connection, no))!.Source;
        touched.Record(caller.WorkspaceNo, now, "source.created", id, null, SourceAudit.Of(created));
        return created;
    });

    /// <summary>Sources newest first.</summary>
    public Task<List<Source>> List(long workspaceNo, bool includeArchived, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<SourceRow>(
            $"""
            SELECT {Columns} FROM sources s WHERE s.workspace_no = @workspaceNo AND s.no < @before{(includeArchived ? "" : " AND s.archived_at IS NULL")}
            ORDER BY s.no DESC LIMIT @limit
            """, new { workspaceNo, before, limit })).Select(ToSource).ToList());

    /// <summary>Also one that is archived; null when it is not of this workspace.</summary>
    public Task<Source?> Find(long workspaceNo, string sourceId) => database.Read(async connection =>
        await LoadById(connection, sourceId) is { Source: var source } && source.WorkspaceNo == workspaceNo ? source : null);

    /// <summary>For how many days each source keeps what comes: as its workspace does, or less where it says so itself.</summary>
    /// <param name="ofWorkspaces">For how many days they keep history; the sources of others are left out.</param>
    public Task<Dictionary<long, int>> RetentionDays(IReadOnlyDictionary<long, int> ofWorkspaces) => database.Read(async connection =>
        (await connection.QueryAsync<(long No, long WorkspaceNo, long? Days)>("SELECT no, workspace_no, retention_days FROM sources"))
            .Where(source => ofWorkspaces.ContainsKey(source.WorkspaceNo))
            .ToDictionary(source => source.No, source => (int)Math.Min(source.Days ?? int.MaxValue, ofWorkspaces[source.WorkspaceNo])));

    /// <summary>What has come in by sources.</summary>
    public Task<Dictionary<long, SourceCounts>> CountsOf(IReadOnlyCollection<long> numbers) => database.Read(async connection =>
    {
        var list = Stored.List(numbers);
        var refused = (await connection.QueryAsync<(long No, long Total)>(
            $"SELECT source_no, CAST(sum(total) AS BIGINT) FROM refused_request_counts WHERE source_no IN {list} GROUP BY source_no")).ToDictionary(row => row.No, row => row.Total);
        var counted = (await connection.QueryAsync<CountRow>(
            $"""
            SELECT source_no, CAST(sum(events) AS BIGINT) AS events, CAST(sum(verified) AS BIGINT) AS verified, CAST(sum(failed) AS BIGINT) AS failed,
                CAST(sum(unchecked) AS BIGINT) AS unchecked, CAST(sum(duplicates) AS BIGINT) AS duplicates, max(last_event_at) AS last_event_at
            FROM source_counts WHERE source_no IN {list} GROUP BY source_no
            """)).ToDictionary(row => row.SourceNo);
        return numbers.ToDictionary(no => no, no => (counted.GetValueOrDefault(no) ?? new CountRow()).ToCounts(refused.GetValueOrDefault(no)));
    });

    /// <summary>The source made ready, kept in memory; null when it is not of this workspace.</summary>
    public async ValueTask<SourceView?> View(long workspaceNo, string sourceId) => await Receiving(sourceId) is { } view && view.Source.WorkspaceNo == workspaceNo ? view : null;

    /// <summary>The same for whoever sends to it: the token in the URL is then the authority, and to be asked for next.</summary>
    public ValueTask<SourceView?> Receiving(string sourceId) => configuration.View(Source.Subject(sourceId), connection => LoadById(connection, sourceId));

    /// <summary>The source with this number, made ready, read inside a transaction.</summary>
    public async Task<SourceView?> Load(DbConnection connection, long no) =>
        await connection.QuerySingleOrDefaultAsync<SourceRow>($"SELECT {Columns} FROM sources s WHERE s.no = @no", new { no }) is { } row ? ToView(row) : null;

    /// <summary>The ids of a workspace's sources, also of archived ones, by number.</summary>
    public Task<Dictionary<long, (string SourceId, string Vendor)>> ListIds(long workspaceNo, IEnumerable<long> numbers) => database.Read(async connection =>
        (await connection.QueryAsync<(long No, string Id, string Vendor)>(
            $"SELECT no, id, vendor FROM sources WHERE no IN {Stored.List(numbers)} AND {Stored.Unindexed}workspace_no = @workspaceNo", new { workspaceNo }))
            .ToDictionary(row => row.No, row => (row.Id, row.Vendor)));

    /// <summary>Changes a source that is not archived, in one transaction with reading it; null when there is none, or the change is refused.</summary>
    /// <param name="action">What the audit log calls it.</param>
    /// <param name="change">Null to refuse. May be called again when the transaction is.</param>
    /// <param name="more">What else is to be done in the transaction.</param>
    public Task<Source?> Update(
        long workspaceNo, Actor by, string action, string sourceId, Func<Source, Source?> change, Func<WriteSession, ChangedSubjects, Source, Task>? more = null) => configuration.Change(by, async (session, touched) =>
    {
        if (await LoadById(session.Connection, sourceId) is not { Source: { ArchivedAt: null } old } || old.WorkspaceNo != workspaceNo || change(old) is not { } changed)
        {
            return null;
        }
        var now = clock.GetUtcNow();
        await session.Connection.ExecuteAsync(
            """
            UPDATE sources SET name = @name, vendor = @vendor, enabled = @enabled, secrets = @secrets, verification = @verification, public_url = @publicUrl,
                forward_duplicates = @forwardDuplicates, retention_days = @retentionDays, rate_limit_per_minute = @rateLimitPerMinute,
                expectations = @expectations, token = @token, previous_tokens = @previousTokens, updated_at = @now, archived_at = @archivedAt
            WHERE no = @No
            """,
            Values(sourceId, changed.Settings, changed.Token, new
            {
                old.No,
                previousTokens = changed.PreviousTokens.Count == 0 ? null : JsonSerializer.Serialize(changed.PreviousTokens),
                now = now.ToUnixTimeMilliseconds(),
                archivedAt = Stored.Time(changed.ArchivedAt),
            }));
        touched.Add(old.Subject());
        var saved = (await Load(session.Connection, old.No))!.Source;
        touched.Record(workspaceNo, now, action, sourceId, SourceAudit.Of(old), saved.ArchivedAt is null ? SourceAudit.Of(saved) : null);
        if (more is not null)
        {
            await more(session, touched, saved);
        }
        return saved;
    });

    /// <summary>Seals the URLs that a version before this one kept readable. At a start, before anything reads sources; does nothing when there are none, as at every start but the first.</summary>
    public Task SealPublicUrls() => database.Write(async session =>
    {
        foreach (var (id, url) in await session.Connection.QueryAsync<(string Id, string Url)>("SELECT id, plain_public_url FROM sources WHERE plain_public_url IS NOT NULL"))
        {
            await session.Connection.ExecuteAsync(
                "UPDATE sources SET public_url = @sealedUrl, plain_public_url = NULL WHERE id = @id", new { id, sealedUrl = protector.Protect(url, PublicUrlPurpose(id)) });
        }
        return true;
    });

    private async Task<SourceView?> LoadById(DbConnection connection, string sourceId) =>
        await connection.QuerySingleOrDefaultAsync<SourceRow>($"SELECT {Columns} FROM sources s WHERE s.id = @sourceId", new { sourceId }) is { } row ? ToView(row) : null;

    private DynamicParameters Values(string id, SourceSettings settings, string token, object more)
    {
        var values = new DynamicParameters(more);
        values.AddDynamicParams(new
        {
            id,
            name = settings.Name,
            vendor = settings.Vendor,
            enabled = Stored.Flag(settings.Enabled),
            secrets = settings.Secrets.Count == 0 ? null : protector.Protect(JsonSerializer.Serialize(settings.Secrets), id),
            verification = settings.Verification is null ? null : JsonSerializer.Serialize(settings.Verification, ApiJson.Options),
            publicUrl = settings.PublicUrl is null ? null : protector.Protect(settings.PublicUrl, PublicUrlPurpose(id)),
            forwardDuplicates = Stored.Flag(settings.ForwardDuplicates),
            retentionDays = (long?)settings.RetentionDays,
            rateLimitPerMinute = (long?)settings.RateLimitPerMinute,
            expectations = settings.Expectations.Seconds.Count == 0 ? null : JsonSerializer.Serialize(settings.Expectations.Seconds),
            token = protector.Protect(token, TokenPurpose(id)),
        });
        return values;
    }

    private SourceView ToView(SourceRow row)
    {
        var source = ToSource(row);
        var preset = source.Preset;
        return new SourceView(
            source, preset, new Verifier(preset.Scheme, source.Settings.Secrets), new EventSeal(protector.Unprotect(row.DataKey, DataKeyPurpose(row.Id)), preset.Scheme));
    }

    private Source ToSource(SourceRow row) => new(
        row.No, row.Id, row.WorkspaceNo,
        new SourceSettings(
            row.Name, row.Vendor,
            row.Secrets is null ? [] : JsonSerializer.Deserialize<List<string>>(protector.Unprotect(row.Secrets, row.Id))!,
            row.Verification is null ? null : JsonSerializer.Deserialize<CustomVerification>(row.Verification, ApiJson.Options),
            row.PublicUrl is null ? null : protector.Unprotect(row.PublicUrl, PublicUrlPurpose(row.Id)), row.ForwardDuplicates != 0, row.Enabled != 0, (int?)row.RetentionDays, (int?)row.RateLimitPerMinute,
            row.Expectations is null ? SourceExpectations.None : new SourceExpectations(JsonSerializer.Deserialize<Dictionary<string, int?>>(row.Expectations)!)),
        protector.Unprotect(row.Token, TokenPurpose(row.Id)),
        row.PreviousTokens is null ? [] : JsonSerializer.Deserialize<List<PreviousToken>>(row.PreviousTokens)!,
        Stored.Time(row.CreatedAt), Stored.Time(row.UpdatedAt), Stored.Time(row.ArchivedAt));

    /// <summary>What of sources is sealed; what is sealed of events is under a source's own data key.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns { get; } =
    [
        new("sources", "secrets", "id", IsNumbered: false, id => id), new("sources", "token", "id", IsNumbered: false, TokenPurpose),
        new("sources", "public_url", "id", IsNumbered: false, PublicUrlPurpose), new("sources", "data_key", "id", IsNumbered: false, DataKeyPurpose),
    ];

    private static string TokenPurpose(string id) => id + "/token";

    private static string PublicUrlPurpose(string id) => id + "/public-url";

    private static string DataKeyPurpose(string id) => id + "/data-key";

    private sealed record SourceRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public long WorkspaceNo { get; init; }
        public string Name { get; init; } = "";
        public string Vendor { get; init; } = "";
        public long Enabled { get; init; }
        public byte[]? Secrets { get; init; }
        public string? Verification { get; init; }
        public byte[]? PublicUrl { get; init; }
        public long ForwardDuplicates { get; init; }
        public long? RetentionDays { get; init; }
        public long? RateLimitPerMinute { get; init; }
        public string? Expectations { get; init; }
        public byte[] Token { get; init; } = [];
        public string? PreviousTokens { get; init; }
        public byte[] DataKey { get; init; } = [];
        public long CreatedAt { get; init; }
        public long UpdatedAt { get; init; }
        public long? ArchivedAt { get; init; }
    }

    private sealed record CountRow
    {
        public long SourceNo { get; init; }
        public long Events { get; init; }
        public long Verified { get; init; }
        public long Failed { get; init; }
        public long Unchecked { get; init; }
        public long Duplicates { get; init; }
        public long? LastEventAt { get; init; }

        public SourceCounts ToCounts(long refused) => new(Events, Verified, Failed, Unchecked, Duplicates, refused, Stored.Time(LastEventAt));
    }
}
