using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dapper;
using Hookway.Deliveries;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Ledger;

/// <summary>Every SQL statement about events.</summary>
public sealed class EventStore(Database database)
{
    /// <summary>The counter that numbers events, with messages, in the order of acceptance.</summary>
    public const string Counter = "messages";

    /// <summary>Stands among the types of a source for those that are not there.</summary>
    public const string OtherTypes = "";

    /// <summary>How many events with a wrong signature are kept of a source.</summary>
    public const int KeptFailed = 1_000;

    private const int DuplicateKeyBytes = 16;
    private const int CopiesLookedAt = 100;

    private const string Columns =
        """
        e.seq, e.source_no, e.id AS event_id, e.vendor_event_id, e.event_type, e.entity_key, e.signature_status, e.signature_coverage, e.signature_error, e.signature_detail,
        (SELECT o.id FROM events o WHERE o.seq = e.duplicate_of) AS duplicate_of, e.method, e.query, e.content_type, e.source_ip, e.occurred_at, e.received_at, e.body_size
        """;

    private static readonly RowStatement<NewEvent> InsertStatement = new RowStatement<NewEvent>(
        """
        INSERT INTO events (seq, workspace_no, source_no, id, vendor_event_id, event_type, entity_key, signature_status, signature_coverage, signature_error, signature_detail,
            evidence, duplicate_key, signed_key, duplicate_of, method, query, headers, sealed, content_type, source_ip, occurred_at, received_at, body_size, body)
        SELECT v.seq, v.workspace, v.source, v.id, v.vendor_id, v.type, v.entity, v.status, v.coverage, v.error, v.detail,
            v.evidence, v.duplicate_key, v.signed_key, v.duplicate_of, v.method, v.query, v.headers, v.sealed, v.content_type, v.ip, v.occurred, v.received, v.size, v.body FROM {rows}
        """)
        .Number("seq", row => row.Seq).Number("workspace", row => row.WorkspaceNo).Number("source", row => row.SourceNo).Text("id", row => row.EventId)
        .Text("vendor_id", row => row.Facts.VendorEventId).Text("type", row => row.Facts.Type).Text("entity", row => row.Facts.EntityKey)
        .Number("status", row => (long)row.Verdict.Status).Number("coverage", row => (long)row.Verdict.Coverage)
        .Text("error", row => row.Verdict.IsVerified ? null : row.Verdict.Reason).Text("detail", row => row.Verdict.IsVerified ? null : row.Verdict.Sentence)
        .Text("evidence", row => row.Evidence).Bytes("duplicate_key", row => row.DuplicateKey).Bytes("signed_key", row => Stored.Bytes(row.SignedKey)).Number("duplicate_of", row => row.DuplicateOf)
        .Text("method", row => row.Method).Text("query", row => row.Query).Text("headers", row => row.Headers).Bytes("sealed", row => Stored.Bytes(row.Sealed))
        .Text("content_type", row => row.ContentType).Text("ip", row => row.SourceIp).Number("occurred", row => Stored.Time(row.Facts.OccurredAt))
        .Number("received", row => row.ReceivedAt.ToUnixTimeMilliseconds()).Number("size", row => row.Body.Length).Bytes("body", row => row.Body);

    private static readonly RowStatement<EventKey> InsertKeyStatement = new RowStatement<EventKey>(
        """
        INSERT INTO event_keys (source_no, duplicate_key, trust, event_seq) SELECT v.source, v.duplicate_key, v.trust, v.event FROM {rows} WHERE true
        ON CONFLICT (source_no, duplicate_key, trust) DO NOTHING
        """)
        .Number("source", key => key.SourceNo).Bytes("duplicate_key", key => key.Key).Number("trust", key => key.Trust).Number("event", key => key.Seq);

    private static readonly RowStatement<EventKey> FindKeyStatement = new RowStatement<EventKey>(
        """
        SELECT k.source_no, k.duplicate_key, k.trust, k.event_seq FROM {rows} JOIN event_keys k ON k.source_no = v.source AND k.duplicate_key = v.duplicate_key
        """)
        .Number("source", key => key.SourceNo).Bytes("duplicate_key", key => key.Key);

    private static readonly RowStatement<long> ExpireStatement = new RowStatement<long>(
        "UPDATE events SET body = NULL, sealed = NULL FROM {rows} WHERE events.seq = v.event").Number("event", seq => seq);

    private static readonly RowStatement<long> EraseStatement = new RowStatement<long>("DELETE FROM events WHERE seq IN (SELECT v.event FROM {rows})").Number("event", seq => seq);

    private static readonly RowStatement<long> EraseDuplicateKeys = EraseKeys("duplicate_key");

    private static readonly RowStatement<long> EraseSignedKeys = EraseKeys("signed_key");

    private static readonly RowStatement CountStatement = new(
        """
        INSERT INTO source_counts (source_no, slot, events, verified, failed, unchecked, duplicates, last_event_at)
        SELECT v.source, v.slot, v.events, v.verified, v.failed, v.unverified, v.duplicates, v.last FROM {rows} WHERE true
        ON CONFLICT (source_no, slot) DO UPDATE SET events = source_counts.events + excluded.events, verified = source_counts.verified + excluded.verified,
            failed = source_counts.failed + excluded.failed, unchecked = source_counts.unchecked + excluded.unchecked,
            duplicates = source_counts.duplicates + excluded.duplicates,
            last_event_at = CASE WHEN excluded.last_event_at > source_counts.last_event_at THEN excluded.last_event_at ELSE source_counts.last_event_at END
        """,
        RowStatement.Number("source"), RowStatement.Number("slot"), RowStatement.Number("events"), RowStatement.Number("verified"), RowStatement.Number("failed"),
        RowStatement.Number("unverified"), RowStatement.Number("duplicates"), RowStatement.Number("last"));

    private static readonly RowStatement InsertTypeStatement = new(
        "INSERT INTO source_types (workspace_no, type, source_no) SELECT v.workspace, v.type, v.source FROM {rows} WHERE true ON CONFLICT (workspace_no, type, source_no) DO NOTHING",
        RowStatement.Number("workspace"), RowStatement.Text("type"), RowStatement.Number("source"));

    /// <summary>When events were received, by their sequences.</summary>
    public TimeOrder Times { get; } = new("events", "received_at");

    /// <summary>What a duplicate is known by, as it is kept.</summary>
    public static byte[] KeyOf(string duplicateKey) => SHA256.HashData(Encoding.UTF8.GetBytes(duplicateKey))[..DuplicateKeyBytes];

    /// <summary>Adds events.</summary>
    public static Task Insert(WriteSession session, IReadOnlyList<NewEvent> events) => session.ForEach(InsertStatement, events);

    /// <summary>Claims keys for the events that may be the first of their kind; those that are claimed already stay as they are.</summary>
    public static Task ClaimKeys(WriteSession session, IReadOnlyList<EventKey> keys) => session.ForEach(InsertKeyStatement, keys);

    /// <summary>Whether an event has just this body.</summary>
    public static async Task<bool> HasBody(WriteSession session, long seq, ReadOnlyMemory<byte> body) =>
        await session.Connection.ExecuteScalarAsync<byte[]?>("SELECT body FROM events WHERE seq = @seq", new { seq }) is { } kept && body.Span.SequenceEqual(kept);

    /// <summary>Who has claimed these keys, under whichever trust.</summary>
    public static Task<List<EventKey>> FindKeys(WriteSession session, IReadOnlyList<EventKey> keys) => session.Read(
        FindKeyStatement, keys, row => new EventKey(row.GetInt64(0), row.GetBytes(1), row.GetInt64(2), row.GetInt64(3)));

    /// <summary>Adds to what has come in by sources.</summary>
    /// <param name="slot">Which of the rows of a source this writer counts in.</param>
    public static Task Count(WriteSession session, long slot, IEnumerable<NewEvent> events) => session.ForEach(CountStatement, [.. events
        .GroupBy(item => item.SourceNo).OrderBy(group => group.Key).Select(group => new object?[]
        {
            group.Key, slot, (long)group.Count(), group.LongCount(item => item.Verdict.Status is SignatureStatus.Verified),
            group.LongCount(item => item.Verdict.Status is SignatureStatus.Failed), group.LongCount(item => item.Verdict.Status is SignatureStatus.Unchecked),
            group.LongCount(item => item.DuplicateOf is not null), group.Max(item => item.ReceivedAt).ToUnixTimeMilliseconds(),
        })]);

    /// <summary>Moves an event from the failed to the verified.</summary>
    public static Task CountVerified(WriteSession session, long slot, VendorEvent found) => session.ForEach(CountStatement,
    [
        [
            found.SourceNo, slot, 0L, 1L, found.SignatureStatus is SignatureStatus.Failed ? -1L : 0L, found.SignatureStatus is SignatureStatus.Unchecked ? -1L : 0L, 0L, 0L,
        ],
    ]);

    /// <summary>Notes types that sources had not sent before.</summary>
    public static Task AddTypes(WriteSession session, IReadOnlyList<(long WorkspaceNo, string Type, long SourceNo)> types) =>
        session.ForEach(InsertTypeStatement, [.. types.Select(type => new object?[] { type.WorkspaceNo, type.Type, type.SourceNo })]);

    /// <summary>How many types are known of a source.</summary>
    public static Task<long> CountTypes(WriteSession session, long workspaceNo, long sourceNo) => session.Connection.ExecuteScalarAsync<long>(
        "SELECT count(*) FROM source_types WHERE workspace_no = @workspaceNo AND source_no = @sourceNo", new { workspaceNo, sourceNo });

    /// <summary>Removes what is beyond the last <see cref="KeptFailed"/> events of a source whose signature was wrong, a few at a time.</summary>
    public static Task TrimFailed(WriteSession session, long sourceNo, int most) => session.Connection.ExecuteAsync(
        """
        DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE source_no = @sourceNo AND signature_status = 2
            AND seq <= (SELECT seq FROM events WHERE source_no = @sourceNo AND signature_status = 2 ORDER BY seq DESC LIMIT 1 OFFSET @KeptFailed) ORDER BY seq LIMIT @most)
        """, new { sourceNo, KeptFailed, most });

    /// <summary>The targets that have a delivery of this very event, whatever became of it.</summary>
    public static async Task<List<long>> TriedTargetsOf(WriteSession session, long seq) =>
        (await session.Connection.QueryAsync<long>("SELECT target_no FROM deliveries WHERE message_seq = @seq", new { seq })).AsList();

    /// <summary>The targets that have, or may still get, an event or one of its copies: of very many the oldest and the newest are looked at.</summary>
    public static async Task<List<long>> TargetsOf(WriteSession session, long firstSeq) => (await session.Connection.QueryAsync<long>(
        """
        SELECT DISTINCT target_no FROM deliveries WHERE status IN (0, 1)
            AND message_seq IN (SELECT seq FROM (SELECT seq FROM events WHERE duplicate_of = @firstSeq ORDER BY seq LIMIT @CopiesLookedAt) AS oldest
                UNION ALL SELECT seq FROM (SELECT seq FROM events WHERE duplicate_of = @firstSeq ORDER BY seq DESC LIMIT @CopiesLookedAt) AS newest
                UNION ALL SELECT @firstSeq)
        """, new { firstSeq, CopiesLookedAt })).AsList();

    /// <summary>Records that an event was checked again and is genuine.</summary>
    /// <param name="duplicateOf">The event that it turned out to repeat.</param>
    /// <param name="signedKey">See <see cref="NewEvent"/>.</param>
    public static async Task MarkVerified(WriteSession session, VendorEvent found, SignatureCoverage coverage, long? duplicateOf, byte[]? signedKey)
    {
        await session.Connection.ExecuteAsync(
            """
            UPDATE events SET signature_status = 1, signature_coverage = @coverage, signature_error = NULL, signature_detail = NULL, evidence = NULL,
                duplicate_of = coalesce(duplicate_of, @duplicateOf), signed_key = @signedKey
            WHERE seq = @Seq
            """, new { found.Seq, coverage = (long)coverage, duplicateOf, signedKey });
        if (found.SignatureStatus is SignatureStatus.Failed)
        {
            // The watcher has seen it as forged, or not at all.
            await session.Connection.ExecuteAsync("INSERT INTO events_to_watch (seq) VALUES (@Seq) ON CONFLICT (seq) DO NOTHING", new { found.Seq });
        }
    }

    /// <summary>Events of all sources in the order of acceptance, behind one and before another, for their retention.</summary>
    public Task<List<AgingRow>> Walk(long after, long before, int most) => database.Read(async connection =>
        (await connection.QueryAsync<(long Seq, long SourceNo, long ReceivedAt, long HasData)>(
            """
            SELECT seq, source_no, received_at, CASE WHEN body IS NULL THEN 0 ELSE 1 END FROM events WHERE seq > @after AND seq < @before ORDER BY seq LIMIT @most
            """, new { after, before, most })).Select(row => new AgingRow(row.Seq, row.SourceNo, Stored.Time(row.ReceivedAt), row.HasData != 0)).ToList());

    /// <summary>Erases what events carry and cancels what is pending of them; answers the targets of that.</summary>
    public static async Task<IReadOnlyList<long>> Expire(WriteSession session, IReadOnlyList<long> seqs, DateTimeOffset at)
    {
        var targets = await DeliveryStore.EndOfMessages(session, seqs, DeliveryChange.Expired, at);
        await session.ForEach(ExpireStatement, seqs);
        return targets;
    }

    /// <summary>Erases events with all that belongs to them, but for those that have a delivery that is pending, or expired after a time; answers those.</summary>
    public static async Task<IReadOnlyCollection<long>> EraseExpired(WriteSession session, IReadOnlyList<long> seqs, DateTimeOffset shownSince, DateTimeOffset at)
    {
        var stay = await DeliveryStore.UnendedOrExpiredSince(session, seqs, shownSince);
        List<long> gone = [.. seqs.Except(stay)];
        await DeliveryStore.Erase(session, gone, at);
        await session.ForEach(EraseDuplicateKeys, gone);
        await session.ForEach(EraseSignedKeys, gone);
        await session.ForEach(EraseStatement, gone);
        return stay;
    }

    private static RowStatement<long> EraseKeys(string key) => new RowStatement<long>(
        $$"""
        DELETE FROM event_keys WHERE (source_no, duplicate_key) IN (SELECT e.source_no, e.{{key}} FROM {rows} JOIN events e ON e.seq = v.event WHERE e.{{key}} IS NOT NULL)
            AND event_seq IN (SELECT v.event FROM {rows})
        """).Number("event", seq => seq);

    /// <summary>One event, without its request; null when it is not of this workspace.</summary>
    public Task<VendorEvent?> Find(long workspaceNo, string eventId) => database.Read(connection => Find(connection, workspaceNo, eventId));

    /// <summary>The same, read inside a transaction.</summary>
    public static async Task<VendorEvent?> Find(DbConnection connection, long workspaceNo, string eventId) =>
        (await connection.QuerySingleOrDefaultAsync<EventRow>(
            $"SELECT {Columns} FROM events e WHERE e.workspace_no = @workspaceNo AND e.id = @eventId", new { workspaceNo, eventId }))?.ToEvent();

    /// <summary>The request of an event.</summary>
    public Task<EventRequest?> FindRequest(VendorEvent found) => database.Read(async connection => (await FindRequests(connection, [found.Seq])).GetValueOrDefault(found.Seq));

    /// <summary>Events by their sequences, newest first.</summary>
    public static async Task<List<VendorEvent>> FindBySeqs(DbConnection connection, long workspaceNo, IReadOnlyList<long> seqs) => seqs.Count == 0 ? [] :
        (await connection.QueryAsync<EventRow>(
            $"SELECT {Columns} FROM events e WHERE {Stored.Unindexed}e.workspace_no = @workspaceNo AND e.seq IN {Stored.List(seqs)} ORDER BY e.seq DESC", new { workspaceNo }))
            .Select(row => row.ToEvent()).ToList();

    /// <summary>The ids of events, by their sequences.</summary>
    public static async Task<Dictionary<long, string>> FindIds(DbConnection connection, long workspaceNo, IEnumerable<long> seqs) =>
        (await connection.QueryAsync<(long Seq, string Id)>($"SELECT seq, id FROM events WHERE {Stored.Unindexed}workspace_no = @workspaceNo AND seq IN {Stored.List(seqs)}", new { workspaceNo }))
            .ToDictionary(row => row.Seq, row => row.Id);

    /// <summary>The same, whosesoever they are.</summary>
    public static async Task<IReadOnlyDictionary<long, string>> FindIds(DbConnection connection, IReadOnlyCollection<long> seqs) =>
        (await connection.QueryAsync<(long Seq, string Id)>($"SELECT seq, id FROM events WHERE seq IN {Stored.List(seqs)}")).ToDictionary(row => row.Seq, row => row.Id);

    /// <summary>What is forwarded of a source's event; null when it has been erased.</summary>
    public Task<EventContent?> FindContent(SourceView source, long seq) => database.Read(async connection =>
    {
        var row = await connection.QuerySingleOrDefaultAsync<ContentRow>(
            $"SELECT id, event_type, method, query, headers, sealed, body, received_at FROM events WHERE seq = @seq AND {Stored.Unindexed}source_no = @No", new { seq, source.Source.No });
        if (row is not { Body: { } body })
        {
            return null;
        }
        var kept = StoredHeaders.Read(row.Headers);
        var (headers, query, _) = source.Seal.Join(row.Id, kept, row.Query, row.Sealed);
        return new EventContent(
            row.Id, source.Source.SourceId, row.EventType, row.Method, query, headers, body, Stored.Time(row.ReceivedAt), EventSeal.KeptOf(kept, row.Query));
    });

    /// <summary>Whether a source of the workspace has sent a type that begins so, or may have.</summary>
    public static async Task<bool> MayHaveType(DbConnection connection, long workspaceNo, string q) => await connection.ExecuteScalarAsync<long?>(
        """
        SELECT 1 FROM source_types WHERE workspace_no = @workspaceNo AND type = @OtherTypes
        UNION ALL SELECT 1 FROM source_types WHERE workspace_no = @workspaceNo AND type >= @q AND type < @end LIMIT 1
        """, new { workspaceNo, q, end = Prefix.EndOf(q), OtherTypes }) is not null;

    /// <summary>What was kept of the requests of events, by their sequences.</summary>
    public static async Task<Dictionary<long, EventRequest>> FindRequests(DbConnection connection, IReadOnlyCollection<long> seqs) => seqs.Count == 0 ? [] :
        (await connection.QueryAsync<RequestRow>($"SELECT seq, headers, sealed, body, evidence FROM events WHERE seq IN {Stored.List(seqs)}"))
            .ToDictionary(row => row.Seq, row => new EventRequest(StoredHeaders.Read(row.Headers), row.Sealed, row.Body, row.Evidence));

    private sealed record RequestRow
    {
        public long Seq { get; init; }
        public string Headers { get; init; } = "";
        public byte[]? Sealed { get; init; }
        public byte[]? Body { get; init; }
        public string? Evidence { get; init; }
    }

    private sealed record ContentRow
    {
        public string Id { get; init; } = "";
        public string? EventType { get; init; }
        public string Method { get; init; } = "";
        public string Query { get; init; } = "";
        public string Headers { get; init; } = "";
        public byte[]? Sealed { get; init; }
        public byte[]? Body { get; init; }
        public long ReceivedAt { get; init; }
    }

    private sealed record EventRow
    {
        public long Seq { get; init; }
        public long SourceNo { get; init; }
        public string EventId { get; init; } = "";
        public string? VendorEventId { get; init; }
        public string? EventType { get; init; }
        public string? EntityKey { get; init; }
        public long SignatureStatus { get; init; }
        public long SignatureCoverage { get; init; }
        public string? SignatureError { get; init; }
        public string? SignatureDetail { get; init; }
        public string? DuplicateOf { get; init; }
        public string Method { get; init; } = "";
        public string Query { get; init; } = "";
        public string? ContentType { get; init; }
        public string? SourceIp { get; init; }
        public long? OccurredAt { get; init; }
        public long ReceivedAt { get; init; }
        public long BodySize { get; init; }

        public VendorEvent ToEvent() => new(
            Seq, SourceNo, EventId, VendorEventId, EventType, EntityKey, (SignatureStatus)SignatureStatus, (SignatureCoverage)SignatureCoverage, SignatureError, SignatureDetail,
            DuplicateOf, Method, Query, ContentType, SourceIp, Stored.Time(OccurredAt), Stored.Time(ReceivedAt), (int)BodySize);
    }
}

/// <summary>An event that is added.</summary>
/// <param name="Headers">As JSON, without what is secret.</param>
/// <param name="Evidence">As JSON; only of an event that failed.</param>
/// <param name="SignedKey">By what it is known again that something is signed; null where that is of no matter.</param>
public sealed record NewEvent(
    long Seq, long WorkspaceNo, long SourceNo, string EventId, EventFacts Facts, Verdict Verdict, string? Evidence, byte[] DuplicateKey, byte[]? SignedKey, long? DuplicateOf, string Method,
    string Query, string Headers, byte[]? Sealed, string? ContentType, string? SourceIp, DateTimeOffset ReceivedAt, ReadOnlyMemory<byte> Body);

/// <summary>Which event is the first of its kind.</summary>
/// <param name="Trust">1 for one that was verified, 0 for one that could not be checked.</param>
public sealed record EventKey(long SourceNo, byte[] Key, long Trust, long Seq);

/// <summary>Headers as one JSON array of name and value in turn, which keeps their order and their doubles.</summary>
internal static class StoredHeaders
{
    public static string Write(IReadOnlyList<KeyValuePair<string, string>> headers) =>
        JsonSerializer.Serialize(headers.SelectMany(header => new[] { header.Key, header.Value }));

    public static List<KeyValuePair<string, string>> Read(string json) =>
        JsonSerializer.Deserialize<string[]>(json)!.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1])).ToList();
}
