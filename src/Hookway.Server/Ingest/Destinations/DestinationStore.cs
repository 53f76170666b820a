using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Storage;
using Hookway.Webhooks;

namespace Hookway.Ingest.Destinations;

/// <summary>Every SQL statement about destinations. Secrets and header values are sealed before they reach one.</summary>
public sealed class DestinationStore(Database database, Configuration configuration, SecretProtector protector, IdGenerator ids, TimeProvider clock)
{
    private const string Select =
        """
        SELECT d.no, d.id, d.workspace_no, d.source_no, s.id AS source_id, d.name, d.endpoint_url, d.app_id, d.enabled, d.paused, d.disabled_reason, d.secret,
            d.filter_event_types, d.filter_entity_key, d.filter_body_path, d.filter_body_value, d.transform_body_path, d.transform_expression, d.headers,
            d.retry_max_attempts, d.retry_backoff_seconds, d.rate_limit_per_minute, d.ordered, c.failing_since, d.created_at, d.updated_at, d.deleted_at,
            CASE WHEN s.archived_at IS NULL THEN 0 ELSE 1 END AS source_is_archived
        FROM destinations d JOIN sources s ON s.no = d.source_no LEFT JOIN target_circuits c ON c.target_no = d.no
        """;

    /// <summary>Adds a destination; null when its source is not of the caller's workspace, or archived.</summary>
    public Task<Destination?> Create(Caller caller, string sourceId, DestinationSettings settings) => configuration.Change(caller.Actor, async (session, touched) =>
    {
        if (await session.Connection.ExecuteScalarAsync<long?>(
            "SELECT no FROM sources WHERE id = @sourceId AND workspace_no = @WorkspaceNo AND archived_at IS NULL", new { sourceId, caller.WorkspaceNo }) is not { } sourceNo)
        {
            return null;
        }
        var id = ids.New(IdPrefix.Destination);
        var now = clock.GetUtcNow();
        var no = await session.Connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO destinations (id, workspace_no, source_no, name, endpoint_url, app_id, enabled, paused, secret, filter_event_types, filter_entity_key, filter_body_path,
                filter_body_value, transform_body_path, transform_expression, headers, retry_max_attempts, retry_backoff_seconds, rate_limit_per_minute, ordered, created_at, updated_at)
            VALUES (@id, @WorkspaceNo, @sourceNo, @name, @endpointUrl, @appId, @enabled, @paused, @secret, @filterEventTypes, @filterEntityKey, @filterBodyPath,
                @filterBodyValue, @transformBodyPath, @transformExpression, @headers, @retryMaxAttempts, @retryBackoffSeconds, @rateLimitPerMinute, @ordered, @now, @now)
            RETURNING no
            """, Values(id, settings, new { caller.WorkspaceNo, sourceNo, now = now.ToUnixTimeMilliseconds() }));
        touched.Add(Destination.Subject(sourceId));
        touched.Add(DeliveryTarget.Subject(no));
        var created = (await Load(session.Connection, no))!;
        touched.Record(caller.WorkspaceNo, now, "destination.created", id, null, DestinationResource.Of(created));
        return created;
    });

    /// <summary>The destination with this number as a target, kept in memory. Also one that is deleted.</summary>
    public ValueTask<Destination?> ViewTarget(long no) =>
        no < DeliveryTarget.FirstDestinationNo ? default : configuration.View(DeliveryTarget.Subject(no), connection => Load(connection, no));

    /// <summary>What is shown of a target; null when it is no destination.</summary>
    public async ValueTask<ShownTarget?> Show(long no) =>
        await ViewTarget(no) is { } found ? new ShownTarget(found.DestinationId, found.Settings.EndpointUrl, found.Settings.Paused) : null;

    /// <summary>The destinations that a source's events may go to, kept in memory.</summary>
    public async ValueTask<IReadOnlyList<Destination>> ViewOfSource(Source source) =>
        (await configuration.View<IReadOnlyList<Destination>>(Destination.Subject(source.SourceId), async connection => await LoadOfSource(connection, source.No)))!;

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<IReadOnlyList<Destination>> LoadOfSource(DbConnection connection, long sourceNo) =>
        (await connection.QueryAsync<DestinationRow>($"{Select} WHERE d.source_no = @sourceNo AND d.deleted_at IS NULL ORDER BY d.no", new { sourceNo })).Select(ToDestination).ToList();

    /// <summary>The destination with this number, read inside a transaction; also one that is deleted.</summary>
    public async Task<Destination?> Load(DbConnection connection, long no) =>
        await connection.QuerySingleOrDefaultAsync<DestinationRow>($"{Select} WHERE d.no = @no", new { no }) is { } row ? ToDestination(row) : null;

    public Task<Destination?> Find(long workspaceNo, string destinationId) => database.Read(connection => Find(connection, workspaceNo, destinationId));

    /// <summary>A destination that is not deleted, read inside a transaction.</summary>
    public async Task<Destination?> Find(DbConnection connection, long workspaceNo, string destinationId) =>
        await FindWithDeleted(connection, workspaceNo, destinationId) is { DeletedAt: null } found ? found : null;

    /// <summary>Also one that is deleted: its history stays.</summary>
    public Task<Destination?> FindWithDeleted(long workspaceNo, string destinationId) => database.Read(connection => FindWithDeleted(connection, workspaceNo, destinationId));

    private async Task<Destination?> FindWithDeleted(DbConnection connection, long workspaceNo, string destinationId) =>
        await connection.QuerySingleOrDefaultAsync<DestinationRow>($"{Select} WHERE d.id = @destinationId", new { destinationId }) is { } row && row.WorkspaceNo == workspaceNo
            ? ToDestination(row)
            : null;

    /// <summary>Destinations newest first.</summary>
    /// <param name="sourceId">Only those of this source.</param>
    public Task<List<Destination>> List(long workspaceNo, string? sourceId, long before, int limit) => database.Read(async connection =>
    {
        var sourceNo = sourceId is null ? null
            : await connection.ExecuteScalarAsync<long?>("SELECT no FROM sources WHERE id = @sourceId AND workspace_no = @workspaceNo", new { sourceId, workspaceNo });
        if (sourceId is not null && sourceNo is null)
        {
            return [];
        }
        var owner = sourceNo is null ? "d.workspace_no = @workspaceNo" : "d.source_no = @sourceNo";
        return (await connection.QueryAsync<DestinationRow>(
            $"{Select} WHERE {owner} AND d.deleted_at IS NULL AND d.no < @before ORDER BY d.no DESC LIMIT @limit", new { workspaceNo, sourceNo, before, limit }))
            .Select(ToDestination).ToList();
    });

    /// <summary>The numbers of a workspace's newest destinations, also of those that are deleted.</summary>
    public Task<List<long>> Numbers(long workspaceNo, int most) => database.Read(async connection =>
        (await connection.QueryAsync<long>("SELECT no FROM destinations WHERE workspace_no = @workspaceNo ORDER BY no DESC LIMIT @most", new { workspaceNo, most })).AsList());

    /// <summary>Changes a destination that is not deleted, in one transaction with reading it; null when there is none, or the change is refused.</summary>
    /// <param name="action">What the audit log calls it.</param>
    /// <param name="change">Null to refuse. May be called again when the transaction is.</param>
    public async Task<Destination?> Update(long workspaceNo, Actor by, string action, string destinationId, Func<Destination, Destination?> change)
    {
        if (await Find(workspaceNo, destinationId) is { Settings.Ordered: false } unordered && change(unordered) is { Settings.Ordered: true })
        {
            await DeliveryStore.LineUpAhead(database, unordered.No);
        }
        return await configuration.Change(by, async (session, touched) =>
        {
            if (await Find(session.Connection, workspaceNo, destinationId) is not { } old || change(old) is not { } changed)
            {
                return null;
            }
            var now = clock.GetUtcNow();
            if (changed.Settings.Enabled && !old.Settings.Enabled)
            {
                await CircuitStore.Forgive(session, old.No, now);
            }
            if (changed.Settings.Ordered && !old.Settings.Ordered)
            {
                await DeliveryStore.LineUp(session, old.No);
            }
            await session.Connection.ExecuteAsync(
                """
                UPDATE destinations SET name = @name, endpoint_url = @endpointUrl, app_id = @appId, enabled = @enabled, paused = @paused, disabled_reason = @DisabledReason,
                    secret = @secret, filter_event_types = @filterEventTypes, filter_entity_key = @filterEntityKey, filter_body_path = @filterBodyPath,
                    filter_body_value = @filterBodyValue, transform_body_path = @transformBodyPath, transform_expression = @transformExpression, headers = @headers,
                    retry_max_attempts = @retryMaxAttempts, retry_backoff_seconds = @retryBackoffSeconds, rate_limit_per_minute = @rateLimitPerMinute, ordered = @ordered,
                    updated_at = @now, deleted_at = @deletedAt
                WHERE no = @No
                """, Values(destinationId, changed.Settings, new { old.No, changed.DisabledReason, now = now.ToUnixTimeMilliseconds(), deletedAt = Stored.Time(changed.DeletedAt) }));
            Touch(touched, old);
            var saved = (await Load(session.Connection, old.No))!;
            touched.Record(workspaceNo, now, action, destinationId, DestinationResource.Of(old), saved.DeletedAt is null ? DestinationResource.Of(saved) : null);
            return saved;
        });
    }

    /// <summary>In the transaction that archives a source: lets the engine see that its targets are over, also when this process ends before it ended their deliveries.</summary>
    public static async Task<List<long>> TouchOfSource(WriteSession session, ChangedSubjects touched, Source source)
    {
        var numbers = (await session.Connection.QueryAsync<long>("SELECT no FROM destinations WHERE source_no = @No AND deleted_at IS NULL", new { source.No })).AsList();
        touched.Add(Destination.Subject(source.SourceId));
        numbers.ForEach(no => touched.Add(DeliveryTarget.Subject(no)));
        return numbers;
    }

    /// <summary>Why nothing may be delivered to a target, as it stands in this transaction; null when something may.</summary>
    public static async Task<DeliveryChange?> EndedNow(WriteSession session, long no) =>
        (await session.Connection.QueryAsync<(long Enabled, long? DeletedAt, long? ArchivedAt)>(
            "SELECT d.enabled, d.deleted_at, s.archived_at FROM destinations d JOIN sources s ON s.no = d.source_no WHERE d.no = @no", new { no })).AsList() switch
        {
            [] or [{ DeletedAt: not null }] => DeliveryChange.TargetDeleted,
            [{ ArchivedAt: not null }] => DeliveryChange.SourceArchived,
            [{ Enabled: 0 }] => DeliveryChange.TargetDisabled,
            _ => null,
        };

    /// <summary>Whose a destination is and what to call it; null when it is deleted, or its source archived.</summary>
    public static async Task<TargetOwner?> FindOwner(DbConnection connection, long no) =>
        (await connection.QueryAsync<(long WorkspaceNo, string SourceId, string Id, string Name)>(
            """
            SELECT d.workspace_no, s.id, d.id, d.name FROM destinations d JOIN sources s ON s.no = d.source_no WHERE d.no = @no AND d.deleted_at IS NULL AND s.archived_at IS NULL
            """, new { no })).AsList() is [var row]
            ? new TargetOwner(row.WorkspaceNo, row.Name, SourceId: row.SourceId, DestinationId: row.Id)
            : null;

    /// <summary>Disables a destination because of what its receiver answered.</summary>
    public async Task Disable(WriteSession session, ChangedSubjects touched, long no, string reason, DateTimeOffset now)
    {
        var old = await Load(session.Connection, no);
        var disabled = await session.Connection.ExecuteAsync(
            "UPDATE destinations SET enabled = 0, disabled_reason = @reason, updated_at = @now WHERE no = @no AND enabled = 1",
            new { no, reason, now = now.ToUnixTimeMilliseconds() });
        if (old is null)
        {
            return;
        }
        Touch(touched, old);
        if (disabled == 1)
        {
            touched.Record(
                old.WorkspaceNo, now, "destination.disabled", old.DestinationId, DestinationResource.Of(old), DestinationResource.Of((await Load(session.Connection, no))!));
        }
    }

    /// <summary>Names the views that show a destination.</summary>
    public static async Task Touch(WriteSession session, ChangedSubjects touched, long no)
    {
        touched.Add(DeliveryTarget.Subject(no));
        if (await session.Connection.ExecuteScalarAsync<string?>("SELECT s.id FROM destinations d JOIN sources s ON s.no = d.source_no WHERE d.no = @no", new { no }) is { } sourceId)
        {
            touched.Add(Destination.Subject(sourceId));
        }
    }

    private static void Touch(ChangedSubjects touched, Destination destination)
    {
        touched.Add(DeliveryTarget.Subject(destination.No));
        touched.Add(Destination.Subject(destination.SourceId));
    }

    private DynamicParameters Values(string id, DestinationSettings settings, object more)
    {
        var values = new DynamicParameters(more);
        values.AddDynamicParams(new
        {
            id,
            name = settings.Name,
            endpointUrl = settings.EndpointUrl,
            appId = settings.AppId,
            enabled = Stored.Flag(settings.Enabled),
            paused = Stored.Flag(settings.Paused),
            secret = settings.Secret is null ? null : protector.Protect(settings.Secret.Reveal(), SecretPurpose(id)),
            filterEventTypes = settings.FilterEventTypes is null ? null : JsonSerializer.Serialize(settings.FilterEventTypes),
            filterEntityKey = settings.FilterEntityKey,
            filterBodyPath = settings.FilterBodyPath,
            filterBodyValue = settings.FilterBodyValue?.GetRawText(),
            transformBodyPath = settings.TransformBodyPath,
            transformExpression = settings.TransformExpression,
            headers = settings.Headers.Count == 0 ? null : protector.Protect(JsonSerializer.Serialize(settings.Headers), HeadersPurpose(id)),
            retryMaxAttempts = (long)settings.RetryMaxAttempts,
            retryBackoffSeconds = (long)settings.RetryBackoffSeconds,
            rateLimitPerMinute = (long?)settings.RateLimitPerMinute,
            ordered = Stored.Flag(settings.Ordered),
        });
        return values;
    }

    private Destination ToDestination(DestinationRow row) => new(
        row.No, row.Id, row.WorkspaceNo, row.SourceNo, row.SourceId,
        new DestinationSettings(
            row.Name, row.EndpointUrl, row.AppId, row.Enabled != 0, row.Paused != 0,
            row.Secret is null ? null : WebhookSecret.Parse(protector.Unprotect(row.Secret, SecretPurpose(row.Id))),
            row.FilterEventTypes is null ? null : JsonSerializer.Deserialize<string[]>(row.FilterEventTypes), row.FilterEntityKey, row.FilterBodyPath,
            row.FilterBodyValue is null ? null : JsonElement.Parse(row.FilterBodyValue), row.TransformBodyPath, row.TransformExpression,
            row.Headers is null ? Api.CustomHeaders.None
                : new Dictionary<string, string>(JsonSerializer.Deserialize<Dictionary<string, string>>(protector.Unprotect(row.Headers, HeadersPurpose(row.Id)))!, StringComparer.OrdinalIgnoreCase),
            (int)row.RetryMaxAttempts, (int)row.RetryBackoffSeconds, (int?)row.RateLimitPerMinute, row.Ordered != 0),
        row.DisabledReason, Stored.Time(row.FailingSince), Stored.Time(row.CreatedAt), Stored.Time(row.UpdatedAt), Stored.Time(row.DeletedAt), row.SourceIsArchived != 0);

    /// <summary>What of destinations is sealed.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns { get; } =
    [
        new("destinations", "secret", "id", IsNumbered: false, SecretPurpose), new("destinations", "headers", "id", IsNumbered: false, HeadersPurpose),
    ];

    private static string SecretPurpose(string id) => id + "/secret";

    private static string HeadersPurpose(string id) => id + "/headers";

    private sealed record DestinationRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public long WorkspaceNo { get; init; }
        public long SourceNo { get; init; }
        public string SourceId { get; init; } = "";
        public string Name { get; init; } = "";
        public string? EndpointUrl { get; init; }
        public string? AppId { get; init; }
        public long Enabled { get; init; }
        public long Paused { get; init; }
        public string? DisabledReason { get; init; }
        public byte[]? Secret { get; init; }
        public string? FilterEventTypes { get; init; }
        public string? FilterEntityKey { get; init; }
        public string? FilterBodyPath { get; init; }
        public string? FilterBodyValue { get; init; }
        public string? TransformBodyPath { get; init; }
        public string? TransformExpression { get; init; }
        public byte[]? Headers { get; init; }
        public long RetryMaxAttempts { get; init; }
        public long RetryBackoffSeconds { get; init; }
        public long? RateLimitPerMinute { get; init; }
        public long Ordered { get; init; }
        public long? FailingSince { get; init; }
        public long CreatedAt { get; init; }
        public long UpdatedAt { get; init; }
        public long? DeletedAt { get; init; }
        public long SourceIsArchived { get; init; }
    }
}
