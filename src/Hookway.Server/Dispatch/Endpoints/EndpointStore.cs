using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;
using Hookway.Storage;
using Hookway.Webhooks;

namespace Hookway.Dispatch.Endpoints;

/// <summary>Every SQL statement about endpoints. Secrets and header values are sealed before they reach one.</summary>
public sealed class EndpointStore(Database database, Configuration configuration, WorkspaceStore workspaces, SecretProtector protector, IdGenerator ids, TimeProvider clock)
{
    private const string Select =
        """
        SELECT e.no, e.id, a.id AS app_id, e.app_no, e.recipient_no, r.recipient, e.url, e.name, e.enabled, e.paused, e.disabled_reason, e.event_types, e.filter,
            e.headers, e.retry_max_attempts, e.retry_backoff_seconds, e.rate_limit_per_minute, e.ordered, e.secret, e.previous_secrets, c.failing_since,
            e.created_at, e.updated_at, e.deleted_at, CASE WHEN a.archived_at IS NULL THEN 0 ELSE 1 END AS app_is_archived
        FROM endpoints e JOIN apps a ON a.no = e.app_no JOIN recipients r ON r.no = e.recipient_no LEFT JOIN target_circuits c ON c.target_no = e.no
        """;

    /// <summary>Adds an endpoint, unless its recipient has as many as one may have.</summary>
    public Task<(WebhookEndpoint? Endpoint, Problem? Problem)> Create(App app, Actor by, string recipient, string? recipientName, EndpointSettings settings, WebhookSecret secret) =>
        configuration.Change(by, async Task<(WebhookEndpoint?, Problem?)> (session, touched) =>
        {
            if (await LimitReached(session, app, recipient) is { } problem)
            {
                return (null, problem);
            }
            var now = clock.GetUtcNow();
            touched.Add(Recipient.Subject(app.No, recipient));
            var recipientNo = (await RecipientStore.Ensure(session, [(app.No, recipient, recipientName)], now))[(app.No, recipient)];
            var id = ids.New(IdPrefix.Endpoint);
            var no = await session.Connection.ExecuteScalarAsync<long>(
                """
                INSERT INTO endpoints (id, app_no, recipient_no, url, name, enabled, paused, event_types, filter, headers, retry_max_attempts,
                    retry_backoff_seconds, rate_limit_per_minute, ordered, secret, created_at, updated_at)
                VALUES (@id, @appNo, @recipientNo, @url, @name, @enabled, @paused, @eventTypes, @filter, @headers, @retryMaxAttempts,
                    @retryBackoffSeconds, @rateLimitPerMinute, @ordered, @secret, @now, @now)
                RETURNING no
                """, Values(id, settings, secret, new { appNo = app.No, recipientNo, now = now.ToUnixTimeMilliseconds() }));
            var created = (await LoadTarget(session.Connection, no))!;
            touched.Record(app.WorkspaceNo, now, "endpoint.created", id, null, EndpointResource.Of(created));
            return (created, null);
        });

    private async Task<Problem?> LimitReached(WriteSession session, App app, string recipient)
    {
        if ((await workspaces.Load(session.Connection, app.WorkspaceNo)).Limits.EndpointsPerRecipient is not { } most)
        {
            return null;
        }
        await WorkspaceStore.Lock(session, app.WorkspaceNo);
        var has = await session.Connection.ExecuteScalarAsync<long>(
            """
            SELECT count(*) FROM endpoints e JOIN recipients r ON r.no = e.recipient_no WHERE r.app_no = @No AND r.recipient = @recipient AND e.deleted_at IS NULL
            """, new { app.No, recipient });
        return has < most ? null : Problem.LimitReached(LimitKind.EndpointsPerRecipient.Name, $"A recipient may have {most} endpoints; delete one first.", Problem.NotByItself);
    }

    /// <summary>The endpoint with this number as a target, kept in memory. Also one that is deleted.</summary>
    public ValueTask<WebhookEndpoint?> ViewTarget(long no) =>
        no >= DeliveryTarget.FirstDestinationNo ? default : configuration.View(DeliveryTarget.Subject(no), connection => LoadTarget(connection, no));

    /// <summary>The endpoints that a recipient's messages may go to, kept in memory; null when the recipient is unknown.</summary>
    public ValueTask<RecipientView?> ViewRecipient(App app, string recipient) =>
        configuration.View(Recipient.Subject(app.No, recipient), connection => LoadRecipient(connection, app.No, recipient));

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<RecipientView?> LoadRecipient(DbConnection connection, long appNo, string recipient)
    {
        if (await connection.QuerySingleOrDefaultAsync<long?>(
            "SELECT no FROM recipients WHERE app_no = @appNo AND recipient = @recipient AND deleted_at IS NULL", new { appNo, recipient }) is not { } no)
        {
            return null;
        }
        var rows = await connection.QueryAsync<EndpointRow>($"{Select} WHERE e.recipient_no = @no AND e.deleted_at IS NULL ORDER BY e.no", new { no });
        return new RecipientView(no, rows.Select(ToEndpoint).ToList());
    }

    public Task<WebhookEndpoint?> Find(App app, string endpointId) => database.Read(connection => Find(connection, app, endpointId));

    /// <summary>Also one that is deleted: its history stays.</summary>
    public Task<WebhookEndpoint?> FindWithDeleted(App app, string endpointId) => database.Read(async connection =>
        await connection.QuerySingleOrDefaultAsync<EndpointRow>(
            $"{Select} WHERE e.id = @endpointId AND e.app_no = @No{app.And("r.recipient")}", new { endpointId, app.No, app.OnlyRecipient }) is { } row ? ToEndpoint(row) : null);

    public Task<List<WebhookEndpoint>> List(App app, string? recipient, bool? enabled, long before, int limit) => database.Read(async connection =>
    {
        recipient = app.OnlyRecipient ?? recipient;
        var recipientNo = recipient is null ? null : await RecipientStore.FindNo(connection, app, recipient);
        if (recipient is not null && recipientNo is null)
        {
            return [];
        }
        var owner = recipientNo is null ? "e.app_no = @No" : "e.recipient_no = @recipientNo";
        return (await connection.QueryAsync<EndpointRow>(
            $"""
            {Select} WHERE {owner} AND e.deleted_at IS NULL AND e.no < @before{(enabled is null ? "" : " AND e.enabled = @enabled")} ORDER BY e.no DESC LIMIT @limit
            """, new { app.No, recipientNo, enabled = Stored.Flag(enabled is true), before, limit })).Select(ToEndpoint).ToList();
    });

    /// <summary>The newest endpoints of a recipient, also those that are deleted.</summary>
    public Task<List<WebhookEndpoint>> ListWithDeleted(long recipientNo, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<EndpointRow>($"{Select} WHERE e.recipient_no = @recipientNo ORDER BY e.no DESC LIMIT @limit", new { recipientNo, limit })).Select(ToEndpoint).ToList());

    /// <summary>Changes an endpoint that is not deleted, in one transaction with reading it; null when there is none, or the change is refused.</summary>
    /// <param name="action">What the audit log calls it.</param>
    /// <param name="change">Null to refuse. May be called again when the transaction is.</param>
    public async Task<WebhookEndpoint?> Update(App app, Actor by, string action, string endpointId, Func<WebhookEndpoint, WebhookEndpoint?> change)
    {
        if (await Find(app, endpointId) is { Settings.Ordered: false } unordered && change(unordered) is { Settings.Ordered: true })
        {
            await DeliveryStore.LineUpAhead(database, unordered.No);
        }
        return await configuration.Change(by, async (session, touched) =>
        {
            if (await Find(session.Connection, app, endpointId) is not { } old || change(old) is not { } changed)
            {
                return null;
            }
            if (changed.Settings.Enabled && !old.Settings.Enabled)
            {
                await CircuitStore.Forgive(session, old.No, clock.GetUtcNow());
            }
            if (changed.Settings.Ordered && !old.Settings.Ordered)
            {
                await DeliveryStore.LineUp(session, old.No);
            }
            var saved = await Save(session, touched, changed);
            touched.Record(
                app.WorkspaceNo, clock.GetUtcNow(), action, endpointId, EndpointResource.Of(old), saved is null or { DeletedAt: not null } ? null : EndpointResource.Of(saved));
            return saved;
        });
    }

    /// <summary>Marks endpoints of a recipient as deleted; answers their numbers.</summary>
    /// <param name="purge">What they were is to be forgotten, in the audit log too.</param>
    public async Task<List<long>> DeleteOfRecipient(WriteSession session, ChangedSubjects touched, App app, Recipient recipient, bool purge)
    {
        var now = clock.GetUtcNow();
        var endpoints = (await session.Connection.QueryAsync<EndpointRow>($"{Select} WHERE e.recipient_no = @No", new { recipient.No })).Select(ToEndpoint).ToList();
        if (purge)
        {
            await AuditStore.Forget(session, app.WorkspaceNo, [Recipient.AuditName(app.AppId, recipient.Id), .. endpoints.Select(endpoint => endpoint.EndpointId)]);
        }
        endpoints.RemoveAll(endpoint => endpoint.DeletedAt is not null);
        await session.Connection.ExecuteAsync(
            "UPDATE endpoints SET deleted_at = @now WHERE recipient_no = @No AND deleted_at IS NULL", new { recipient.No, now = now.ToUnixTimeMilliseconds() });
        touched.Add(Recipient.Subject(recipient.AppNo, recipient.Id));
        foreach (var endpoint in endpoints)
        {
            touched.Add(DeliveryTarget.Subject(endpoint.No));
            touched.Record(app.WorkspaceNo, now, "endpoint.deleted", endpoint.EndpointId, purge ? null : EndpointResource.Of(endpoint), null);
        }
        return [.. endpoints.Select(endpoint => endpoint.No)];
    }

    /// <summary>The endpoints of an app that have pending deliveries; those of deleted ones are ended already, or by the engine.</summary>
    public Task<List<long>> WithPendingDeliveries(long appNo) => database.Read(connection => WithPendingDeliveries(connection, appNo));

    /// <summary>In the transaction that archives an app: lets the engine see that its targets are over, also when this process ends before it ended their deliveries.</summary>
    public static async Task TouchPending(WriteSession session, ChangedSubjects touched, App app) =>
        (await WithPendingDeliveries(session.Connection, app.No)).ForEach(no => touched.Add(DeliveryTarget.Subject(no)));

    private static async Task<List<long>> WithPendingDeliveries(DbConnection connection, long appNo) =>
        (await connection.QueryAsync<long>(
            """
            SELECT no FROM endpoints e WHERE app_no = @appNo AND deleted_at IS NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE d.target_no = e.no AND d.status = 0)
            """, new { appNo })).AsList();

    /// <summary>Why nothing may be delivered to a target, as it stands in this transaction; null when something may.</summary>
    public static async Task<DeliveryChange?> EndedNow(WriteSession session, long no) =>
        (await session.Connection.QueryAsync<(long Enabled, long? DeletedAt, long? ArchivedAt)>(
            "SELECT e.enabled, e.deleted_at, a.archived_at FROM endpoints e JOIN apps a ON a.no = e.app_no WHERE e.no = @no", new { no })).AsList() switch
        {
            [] or [{ DeletedAt: not null }] => DeliveryChange.TargetDeleted,
            [{ ArchivedAt: not null }] => DeliveryChange.AppArchived,
            [{ Enabled: 0 }] => DeliveryChange.TargetDisabled,
            _ => null,
        };

    /// <summary>Whose an endpoint is and what to call it; null when it is deleted, or its app archived.</summary>
    public static async Task<TargetOwner?> FindOwner(DbConnection connection, long no) =>
        (await connection.QueryAsync<(long WorkspaceNo, string AppId, string Id, string Recipient, string? Name, string Url)>(
            """
            SELECT a.workspace_no, a.id, e.id, r.recipient, e.name, e.url
            FROM endpoints e JOIN apps a ON a.no = e.app_no JOIN recipients r ON r.no = e.recipient_no WHERE e.no = @no AND e.deleted_at IS NULL AND a.archived_at IS NULL
            """, new { no })).AsList() is [var row]
            ? new TargetOwner(row.WorkspaceNo, $"{row.Name ?? new Uri(row.Url).Authority} of {row.Recipient}", row.AppId, row.Id, row.Recipient)
            : null;

    /// <summary>Disables an endpoint because of what its receiver answered.</summary>
    public async Task Disable(WriteSession session, ChangedSubjects touched, long no, string reason, DateTimeOffset now)
    {
        var old = await LoadTarget(session.Connection, no);
        var disabled = await session.Connection.ExecuteAsync(
            "UPDATE endpoints SET enabled = 0, disabled_reason = @reason, updated_at = @now WHERE no = @no AND enabled = 1",
            new { no, reason, now = now.ToUnixTimeMilliseconds() });
        await Touch(session, touched, no);
        if (disabled == 1)
        {
            var workspaceNo = await session.Connection.ExecuteScalarAsync<long>("SELECT workspace_no FROM apps WHERE no = @AppNo", new { old!.AppNo });
            touched.Record(workspaceNo, now, "endpoint.disabled", old.EndpointId, EndpointResource.Of(old), EndpointResource.Of((await LoadTarget(session.Connection, no))!));
        }
    }

    /// <summary>Names the views that show an endpoint.</summary>
    public static async Task Touch(WriteSession session, ChangedSubjects touched, long no)
    {
        touched.Add(DeliveryTarget.Subject(no));
        // It may have been erased while the attempt was under way.
        if ((await session.Connection.QueryAsync<(long AppNo, string Recipient)>(
            "SELECT e.app_no, r.recipient FROM endpoints e JOIN recipients r ON r.no = e.recipient_no WHERE e.no = @no", new { no })).AsList() is [var owner])
        {
            touched.Add(Recipient.Subject(owner.AppNo, owner.Recipient));
        }
    }

    private async Task<WebhookEndpoint?> Save(WriteSession session, ChangedSubjects touched, WebhookEndpoint changed)
    {
        await session.Connection.ExecuteAsync(
            """
            UPDATE endpoints SET url = @url, name = @name, enabled = @enabled, paused = @paused, disabled_reason = @disabledReason, event_types = @eventTypes,
                filter = @filter, headers = @headers, retry_max_attempts = @retryMaxAttempts, retry_backoff_seconds = @retryBackoffSeconds,
                rate_limit_per_minute = @rateLimitPerMinute, ordered = @ordered, secret = @secret, previous_secrets = @previousSecrets,
                updated_at = @now, deleted_at = @deletedAt
            WHERE no = @no
            """,
            Values(changed.EndpointId, changed.Settings, changed.Secret, new
            {
                no = changed.No,
                disabledReason = changed.DisabledReason,
                previousSecrets = SealPrevious(changed),
                now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                deletedAt = Stored.Time(changed.DeletedAt),
            }));
        touched.Add(DeliveryTarget.Subject(changed.No));
        touched.Add(Recipient.Subject(changed.AppNo, changed.Recipient));
        return await LoadTarget(session.Connection, changed.No);
    }

    /// <summary>The endpoint with this number, read inside a transaction; also one that is deleted.</summary>
    public async Task<WebhookEndpoint?> LoadTarget(DbConnection connection, long no) =>
        await connection.QuerySingleOrDefaultAsync<EndpointRow>($"{Select} WHERE e.no = @no", new { no }) is { } row ? ToEndpoint(row) : null;

    /// <summary>An endpoint that is not deleted, read inside a transaction.</summary>
    public async Task<WebhookEndpoint?> Find(DbConnection connection, App app, string endpointId) =>
        await connection.QuerySingleOrDefaultAsync<EndpointRow>(
            $"{Select} WHERE e.id = @endpointId AND e.app_no = @No AND e.deleted_at IS NULL{app.And("r.recipient")}", new { endpointId, app.No, app.OnlyRecipient }) is { } row ? ToEndpoint(row) : null;

    private DynamicParameters Values(string endpointId, EndpointSettings settings, WebhookSecret secret, object more)
    {
        var values = new DynamicParameters(more);
        values.AddDynamicParams(new
        {
            id = endpointId,
            url = settings.Url,
            name = settings.Name,
            enabled = Stored.Flag(settings.Enabled),
            paused = Stored.Flag(settings.Paused),
            eventTypes = settings.EventTypes is null ? null : JsonSerializer.Serialize(settings.EventTypes),
            filter = settings.Filter is null ? null : JsonSerializer.Serialize(settings.Filter.Conditions, ApiJson.Options),
            headers = settings.Headers.Count == 0 ? null : protector.Protect(JsonSerializer.Serialize(settings.Headers), HeadersPurpose(endpointId)),
            retryMaxAttempts = settings.RetryMaxAttempts,
            retryBackoffSeconds = settings.RetryBackoffSeconds,
            rateLimitPerMinute = settings.RateLimitPerMinute,
            ordered = Stored.Flag(settings.Ordered),
            secret = protector.Protect(secret.Reveal(), SecretPurpose(endpointId)),
        });
        return values;
    }

    private byte[]? SealPrevious(WebhookEndpoint endpoint) => endpoint.PreviousSecrets.Count == 0 ? null : protector.Protect(
        JsonSerializer.Serialize(endpoint.PreviousSecrets.Select(previous => new StoredSecret(previous.Secret.Reveal(), previous.ExpiresAt.ToUnixTimeMilliseconds()))),
        SecretPurpose(endpoint.EndpointId));

    private WebhookEndpoint ToEndpoint(EndpointRow row)
    {
        var settings = new EndpointSettings(
            row.Url, row.Name, row.Enabled != 0, row.Paused != 0,
            row.EventTypes is null ? null : JsonSerializer.Deserialize<string[]>(row.EventTypes),
            row.Filter is null ? null : EndpointFilter.From(JsonSerializer.Deserialize<FilterCondition[]>(row.Filter, ApiJson.Options), new FieldErrors()),
            row.Headers is null ? new Dictionary<string, string>()
                : JsonSerializer.Deserialize<Dictionary<string, string>>(protector.Unprotect(row.Headers, HeadersPurpose(row.Id)))!,
            row.RetryMaxAttempts, row.RetryBackoffSeconds, row.RateLimitPerMinute, row.Ordered != 0);
        var previous = row.PreviousSecrets is null ? []
            : JsonSerializer.Deserialize<StoredSecret[]>(protector.Unprotect(row.PreviousSecrets, SecretPurpose(row.Id)))!;
        return new WebhookEndpoint(
            row.No, row.Id, row.AppId, row.AppNo, row.RecipientNo, row.Recipient, settings, row.DisabledReason,
            WebhookSecret.Parse(protector.Unprotect(row.Secret, SecretPurpose(row.Id))),
            [.. previous.Select(item => new PreviousSecret(WebhookSecret.Parse(item.Secret), Stored.Time(item.ExpiresAt)))],
            Stored.Time(row.FailingSince), Stored.Time(row.CreatedAt), Stored.Time(row.UpdatedAt), Stored.Time(row.DeletedAt), row.AppIsArchived != 0);
    }

    /// <summary>What of endpoints is sealed.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns { get; } =
    [
        new("endpoints", "secret", "id", IsNumbered: false, SecretPurpose), new("endpoints", "previous_secrets", "id", IsNumbered: false, SecretPurpose),
        new("endpoints", "headers", "id", IsNumbered: false, HeadersPurpose),
    ];

    private static string SecretPurpose(string endpointId) => endpointId + "/secret";

    private static string HeadersPurpose(string endpointId) => endpointId + "/headers";

    private sealed record StoredSecret(string Secret, long ExpiresAt);

    private sealed record EndpointRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string AppId { get; init; } = "";
        public long AppNo { get; init; }
        public long RecipientNo { get; init; }
        public string Recipient { get; init; } = "";
        public string Url { get; init; } = "";
        public string? Name { get; init; }
        public int Enabled { get; init; }
        public int Paused { get; init; }
        public string? DisabledReason { get; init; }
        public string? EventTypes { get; init; }
        public string? Filter { get; init; }
        public byte[]? Headers { get; init; }
        public int RetryMaxAttempts { get; init; }
        public int RetryBackoffSeconds { get; init; }
        public int? RateLimitPerMinute { get; init; }
        public int Ordered { get; init; }
        public byte[] Secret { get; init; } = [];
        public byte[]? PreviousSecrets { get; init; }
        public long? FailingSince { get; init; }
        public long CreatedAt { get; init; }
        public long UpdatedAt { get; init; }
        public long? DeletedAt { get; init; }
        public int AppIsArchived { get; init; }
    }
}

/// <summary>A known recipient and the endpoints it has, for the fan-out of its messages.</summary>
public sealed record RecipientView(long RecipientNo, IReadOnlyList<WebhookEndpoint> Endpoints);
