using Dapper;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>An event that a replay comes by, with its deliveries by their targets.</summary>
public sealed record ReplayableEvent(
    long Seq, long SourceNo, string EventId, string? VendorEventId, string? Type, string? EntityKey, SignatureStatus SignatureStatus, DateTimeOffset ReceivedAt, bool HasBody,
    IReadOnlyList<(long TargetNo, ReplayCandidate Found)> Deliveries);

/// <summary>Every SQL statement about what replays of events walk over. Each reads by an index, from one sequence on.</summary>
public sealed class ReplayableEvents(Database database, EventStore events)
{
    /// <summary>The events of a source, or of a workspace, oldest first.</summary>
    public Task<List<ReplayableEvent>> Read(long workspaceNo, long? sourceNo, long after, long last, int limit) => database.Read(async connection =>
    {
        var way = sourceNo is null ? "workspace_no = @workspaceNo" : "source_no = @sourceNo";
        var rows = (await connection.QueryAsync<EventRow>(
            $"""
            SELECT seq, source_no, id, vendor_event_id, event_type, entity_key, signature_status, received_at, CASE WHEN body IS NULL THEN 0 ELSE 1 END AS has_body
            FROM events WHERE {way} AND seq > @after AND seq <= @last ORDER BY seq LIMIT @limit
            """, new { workspaceNo, sourceNo, after, last, limit })).AsList();
        var deliveries = rows.Count == 0 ? Array.Empty<DeliveryRow>().ToLookup(row => row.MessageSeq) : (await connection.QueryAsync<DeliveryRow>(
            $"""
            SELECT message_seq, target_no, status, reason, last_error, attempt_count, next_attempt_at FROM deliveries
            WHERE message_seq IN {Stored.List(rows.Select(row => row.Seq))} ORDER BY message_seq, target_no
            """)).ToLookup(row => row.MessageSeq);
        return rows.ConvertAll(row => row.ToEvent([.. deliveries[row.Seq].Select(delivery => (delivery.TargetNo, delivery.ToCandidate()))]));
    });

    /// <summary>Between which sequences the events of a time are: behind the first, up to the last.</summary>
    public Task<(long After, long Last)> SeqsBetween(long? since, long? until) => database.Read(async connection =>
    {
        var last = await connection.ExecuteScalarAsync<long>("SELECT coalesce(max(seq), 0) FROM events");
        var end = until is { } time ? await events.Times.EndBefore(connection, time) : long.MaxValue;
        return (since is { } from ? await events.Times.FirstSince(connection, from) - 1 : 0, Math.Min(last, end - 1));
    });

    private sealed record EventRow
    {
        public long Seq { get; init; }
        public long SourceNo { get; init; }
        public string Id { get; init; } = "";
        public string? VendorEventId { get; init; }
        public string? EventType { get; init; }
        public string? EntityKey { get; init; }
        public long SignatureStatus { get; init; }
        public long ReceivedAt { get; init; }
        public long HasBody { get; init; }

        public ReplayableEvent ToEvent(IReadOnlyList<(long, ReplayCandidate)> deliveries) => new(
            Seq, SourceNo, Id, VendorEventId, EventType, EntityKey, (SignatureStatus)SignatureStatus, Stored.Time(ReceivedAt), HasBody != 0, deliveries);
    }

    private sealed record DeliveryRow
    {
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public long Status { get; init; }
        public string? Reason { get; init; }
        public string? LastError { get; init; }
        public long AttemptCount { get; init; }
        public long? NextAttemptAt { get; init; }

        public ReplayCandidate ToCandidate() => new((DeliveryStatus)Status, Reason, LastError, (int)AttemptCount, Stored.Time(NextAttemptAt));
    }
}
