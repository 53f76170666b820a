using System.Data.Common;
using Dapper;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Dispatch.Endpoints;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>A message that a replay comes by, with its delivery to the endpoint, if there is one.</summary>
/// <param name="HasData">Its data has not been erased.</param>
/// <param name="IsTest">It was sent to test one endpoint, and is for no other; not known where there is a delivery.</param>
public sealed record ReplayableMessage(
    long Seq, string EventType, DateTimeOffset CreatedAt, DateTimeOffset? DeliverAt, bool HasData, bool IsTest, ReplayCandidate? Delivery);

/// <summary>Every SQL statement about what replays walk over. Each reads by an index, from one sequence on.</summary>
public sealed class ReplayableMessages(Database database)
{
    private const string Message = "m.seq, m.event_type, m.created_at, m.deliver_at, CASE WHEN m.data IS NULL THEN 0 ELSE 1 END AS has_data";
    private const string Delivery = "d.status, d.reason, d.last_error, d.attempt_count, d.next_attempt_at";

    /// <summary>What did not reach an endpoint, whatever the reason, oldest first.</summary>
    public Task<List<ReplayableMessage>> Unsuccessful(WebhookEndpoint endpoint, long after, long last, int limit) => database.Read(connection => Read(
        connection,
        $"""
        SELECT {Message}, {Delivery}, 0 AS is_test
        FROM (SELECT * FROM deliveries WHERE target_no = @No AND status >= 2 AND message_seq > @after AND message_seq <= @last ORDER BY message_seq LIMIT @limit) AS d
            JOIN messages m ON m.seq = d.message_seq
        ORDER BY m.seq
        """, new { endpoint.No, after, last, limit }));

    /// <summary>All messages of the recipient, oldest first, each with its delivery to the endpoint.</summary>
    public Task<List<ReplayableMessage>> OfRecipient(WebhookEndpoint endpoint, long after, long last, int limit) => database.Read(connection => Read(
        connection,
        $"""
        SELECT {Message}, {Delivery}, CASE
            WHEN d.message_seq IS NOT NULL THEN 0
            WHEN EXISTS (SELECT 1 FROM deliveries t WHERE t.message_seq = m.seq AND t.run_trigger = 2) THEN 1
            WHEN EXISTS (SELECT 1 FROM attempts a WHERE a.message_seq = m.seq AND a.run_trigger = 2) THEN 1
            ELSE 0 END AS is_test
        FROM (SELECT * FROM messages WHERE recipient_no = @RecipientNo AND seq > @after AND seq <= @last ORDER BY seq LIMIT @limit) AS m
            LEFT JOIN deliveries d ON d.message_seq = m.seq AND d.target_no = @No
        ORDER BY m.seq
        """, new { endpoint.No, endpoint.RecipientNo, after, last, limit }));

    /// <summary>The data of one message of the recipient; null when it has been erased.</summary>
    public Task<byte[]?> Data(WebhookEndpoint endpoint, long seq) => database.Read(connection => connection.ExecuteScalarAsync<byte[]?>(
        "SELECT data FROM messages WHERE seq = @seq AND recipient_no = @RecipientNo", new { seq, endpoint.RecipientNo }));

    private static async Task<List<ReplayableMessage>> Read(DbConnection connection, string sql, object values) =>
        (await connection.QueryAsync<Row>(sql, values)).Select(row => row.ToMessage()).ToList();

    private sealed record Row
    {
        public long Seq { get; init; }
        public string EventType { get; init; } = "";
        public long CreatedAt { get; init; }
        public long? DeliverAt { get; init; }
        public long HasData { get; init; }
        public long IsTest { get; init; }
        public long? Status { get; init; }
        public string? Reason { get; init; }
        public string? LastError { get; init; }
        public int? AttemptCount { get; init; }
        public long? NextAttemptAt { get; init; }

        public ReplayableMessage ToMessage() => new(
            Seq, EventType, Stored.Time(CreatedAt), Stored.Time(DeliverAt), HasData != 0, IsTest != 0,
            Status is { } status ? new ReplayCandidate((DeliveryStatus)status, Reason, LastError, AttemptCount!.Value, Stored.Time(NextAttemptAt)) : null);
    }
}
