using System.Data.Common;
using Dapper;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement by which the ledger is watched.</summary>
public static class WatchedEventStore
{
    private const string Cursor = "ledger";

    /// <summary>How many earlier events of a thing one is compared with.</summary>
    private const int Compared = 5;

    /// <summary>How far the ledger has been watched.</summary>
    public static Task<long> Position(DbConnection connection) => connection.ExecuteScalarAsync<long>($"SELECT position FROM watch_cursors WHERE name = '{Cursor}'");

    /// <summary>Moves on; false when somebody else did so meanwhile.</summary>
    public static async Task<bool> Advance(WriteSession session, long from, long to) =>
        await session.Connection.ExecuteAsync($"UPDATE watch_cursors SET position = @to WHERE name = '{Cursor}' AND position = @from", new { from, to }) == 1;

    /// <summary>The next events, in the order of acceptance.</summary>
    public static Task<List<WatchedEvent>> Read(DbConnection connection, long after, long last, int most) =>
        Read(connection, "e.seq > @after AND e.seq <= @last ORDER BY e.seq LIMIT @most", new { after, last, most });

    /// <summary>Events that it had come by before they turned out to be genuine.</summary>
    public static Task<List<WatchedEvent>> ReadAgain(DbConnection connection, long upTo, int most) =>
        Read(connection, "e.seq IN (SELECT seq FROM events_to_watch WHERE seq <= @upTo ORDER BY seq LIMIT @most) ORDER BY e.seq", new { upTo, most });

    /// <summary>These have been seen as what they are.</summary>
    public static Task Seen(WriteSession session, IEnumerable<long> seqs) => session.Connection.ExecuteAsync($"DELETE FROM events_to_watch WHERE seq IN {Stored.List(seqs)}");

    private static async Task<List<WatchedEvent>> Read(DbConnection connection, string which, object values) => (await connection.QueryAsync<Row>(
        $"""
        SELECT e.seq, e.source_no, e.id, e.event_type, e.entity_key, e.signature_status, e.signature_detail, e.duplicate_of, e.method, e.query, e.occurred_at, e.received_at, e.body_size,
            CASE WHEN e.occurred_at IS NULL OR e.entity_key IS NULL OR e.duplicate_of IS NOT NULL OR e.signature_status = 2 THEN NULL ELSE
                (SELECT max(p.occurred_at) FROM (SELECT x.occurred_at FROM events x WHERE x.workspace_no = e.workspace_no AND x.entity_key = e.entity_key AND x.seq < e.seq
                    AND {Stored.Unindexed}x.source_no = e.source_no AND {Stored.Unindexed}x.signature_status <> 2 ORDER BY x.seq DESC LIMIT {Compared}) AS p) END AS earlier_occurred_at,
            CASE WHEN e.entity_key IS NOT NULL AND EXISTS (SELECT 1 FROM events y WHERE y.workspace_no = e.workspace_no AND y.entity_key = e.entity_key AND y.seq < e.seq)
                THEN 1 ELSE 0 END AS has_earlier,
            CASE WHEN e.vendor_event_id IS NULL THEN 0 ELSE 1 END AS has_id,
            CASE WHEN e.duplicate_of IS NULL THEN 0 ELSE
                (SELECT CASE WHEN o.body IS NULL OR e.body IS NULL OR o.body = e.body THEN 0 ELSE 1 END FROM events o WHERE o.seq = e.duplicate_of) END AS is_altered,
            CASE WHEN e.duplicate_of IS NULL THEN 0 ELSE
                (SELECT CASE WHEN o.vendor_event_id = e.vendor_event_id THEN 0 ELSE 1 END FROM events o WHERE o.seq = e.duplicate_of) END AS is_renamed
        FROM events e WHERE {which}
        """, values)).Select(row => row.ToEvent()).ToList();

    /// <summary>The types that a thing's events had since a time, before an event: the last of them.</summary>
    /// <param name="alsoLater">And those after it.</param>
    public static async Task<List<string>> EarlierTypes(
        DbConnection connection, long workspaceNo, WatchedEvent before, string entity, DateTimeOffset since, int most, bool alsoLater) =>
        (await connection.QueryAsync<string>(
            $"""
            SELECT event_type FROM (SELECT event_type, source_no, signature_status, received_at FROM events
                WHERE workspace_no = @workspaceNo AND entity_key = @entity AND seq {(alsoLater ? "<>" : "<")} @Seq ORDER BY seq DESC LIMIT @most) AS latest
            WHERE source_no = @SourceNo AND signature_status <> 2 AND received_at >= @since AND event_type IS NOT NULL
            """, new { workspaceNo, entity, before.Seq, before.SourceNo, since = since.ToUnixTimeMilliseconds(), most })).AsList();

    /// <summary>The type of the last event of a source that was not forged; null when none of the last has one.</summary>
    public static Task<string?> LastType(DbConnection connection, long sourceNo) => connection.ExecuteScalarAsync<string?>(
        """
        SELECT event_type FROM (SELECT seq, event_type, signature_status FROM events WHERE source_no = @sourceNo ORDER BY seq DESC LIMIT 50) AS latest
        WHERE signature_status <> 2 ORDER BY seq DESC LIMIT 1
        """, new { sourceNo });

    /// <summary>The sequence of the same event.</summary>
    public static Task<long?> LastGenuine(DbConnection connection, long sourceNo) => connection.ExecuteScalarAsync<long?>(
        """
        SELECT seq FROM (SELECT seq, signature_status FROM events WHERE source_no = @sourceNo ORDER BY seq DESC LIMIT 50) AS latest WHERE signature_status <> 2 ORDER BY seq DESC LIMIT 1
        """, new { sourceNo });

    /// <summary>When the last requests of a source came whose signature was wrong, up to one of them: the newest first.</summary>
    public static async Task<List<DateTimeOffset>> ForgedTimes(DbConnection connection, WatchedEvent upTo, int most) => (await connection.QueryAsync<long>(
        "SELECT received_at FROM events WHERE source_no = @SourceNo AND signature_status = 2 AND seq <= @Seq ORDER BY seq DESC LIMIT @most", new { upTo.SourceNo, upTo.Seq, most }))
        .Select(Stored.Time).ToList();

    /// <summary>How many requests of a source came since a time, up to one of them, of at most so many.</summary>
    public static Task<long> CountSince(DbConnection connection, WatchedEvent upTo, DateTimeOffset since, int most) => connection.ExecuteScalarAsync<long>(
        $"""
        SELECT count(*) FROM (SELECT received_at FROM events WHERE source_no = @SourceNo AND seq <= @Seq ORDER BY seq DESC LIMIT @most) AS latest
        WHERE received_at >= @since
        """, new { upTo.SourceNo, upTo.Seq, since = since.ToUnixTimeMilliseconds(), most });

    /// <summary>How many requests of a source were verified, from its beginning on.</summary>
    public static Task<long> CountVerified(DbConnection connection, long sourceNo) => connection.ExecuteScalarAsync<long>(
        "SELECT CAST(coalesce(sum(verified), 0) AS BIGINT) FROM source_counts WHERE source_no = @sourceNo", new { sourceNo });

    private sealed record Row
    {
        public long Seq { get; init; }
        public long SourceNo { get; init; }
        public string Id { get; init; } = "";
        public string? EventType { get; init; }
        public string? EntityKey { get; init; }
        public long SignatureStatus { get; init; }
        public string? SignatureDetail { get; init; }
        public long? DuplicateOf { get; init; }
        public string Method { get; init; } = "";
        public string Query { get; init; } = "";
        public long? OccurredAt { get; init; }
        public long ReceivedAt { get; init; }
        public long BodySize { get; init; }
        public long? EarlierOccurredAt { get; init; }
        public long HasEarlier { get; init; }
        public long HasId { get; init; }
        public long? IsAltered { get; init; }
        public long? IsRenamed { get; init; }

        public WatchedEvent ToEvent() => new(
            Seq, SourceNo, Id, EventType, EntityKey, (SignatureStatus)SignatureStatus, SignatureDetail, DuplicateOf, Method, Query, Stored.Time(OccurredAt),
            Stored.Time(ReceivedAt), (int)BodySize, Stored.Time(EarlierOccurredAt), HasEarlier == 1, IsAltered == 1, HasId == 1, IsRenamed == 1);
    }
}
