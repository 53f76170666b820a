using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Every SQL statement about deliveries and attempts.</summary>
public sealed class DeliveryStore(Database database)
{
    private const string PendingColumns = "message_seq, target_no, run, run_trigger, run_attempts, attempt_count";

    /// <summary>Adds a delivery in the transaction that accepts its message.</summary>
    public static Task Insert(WriteSession session, long messageSeq, long targetNo, DeliveryTrigger trigger, DateTimeOffset dueAt) =>
        session.Prepared(
            """
            INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at)
            VALUES (@message, @target, 0, @message, 0, @trigger, 0, 0, @due)
            """, "@message", "@target", "@trigger", "@due")
            .With(messageSeq, targetNo, (long)trigger, dueAt.ToUnixTimeMilliseconds()).Execute();

    /// <summary>Records an attempt and what it means for its delivery, unless the delivery has ended or begun a new run meanwhile.</summary>
    public static async Task Record(WriteSession session, Attempt attempt, int run, DeliveryChange change)
    {
        var next = DeliveryStates.After(DeliveryStatus.Pending, change)!.Value;
        var known = await session.Prepared(
            """
            UPDATE deliveries SET attempt_count = @number, last_response_status = @responseStatus, last_error = @error,
                status = CASE WHEN status = 0 AND run = @run THEN @status ELSE status END,
                run_attempts = CASE WHEN status = 0 AND run = @run THEN run_attempts + 1 ELSE run_attempts END,
                next_attempt_at = CASE WHEN status = 0 AND run = @run THEN @next ELSE next_attempt_at END,
                reason = CASE WHEN status = 0 AND run = @run THEN @reason ELSE reason END
            WHERE message_seq = @message AND target_no = @target
            """, "@number", "@responseStatus", "@error", "@run", "@status", "@next", "@reason", "@message", "@target")
            .With(
                (long)attempt.Number, (long?)attempt.ResponseStatus, attempt.Outcome.Code(), (long)run, (long)next,
                attempt.NextAttemptAt?.ToUnixTimeMilliseconds(), change.Reason(), attempt.MessageSeq, attempt.TargetNo)
            .Execute();
        if (known == 0)
        {
            // The message was erased while the attempt was under way, and nothing of it is to come back.
            return;
        }
        await session.Prepared(
            """
            INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers,
                response_body, detail, started_at, duration_ms, next_attempt_at)
            VALUES (@id, @message, @target, @number, @trigger, @error, @url, @requestHeaders, @responseStatus, @responseHeaders,
                @responseBody, @detail, @startedAt, @duration, @next)
            """,
            "@id", "@message", "@target", "@number", "@trigger", "@error", "@url", "@requestHeaders", "@responseStatus", "@responseHeaders",
            "@responseBody", "@detail", "@startedAt", "@duration", "@next")
            .With(
                attempt.AttemptId, attempt.MessageSeq, attempt.TargetNo, (long)attempt.Number, (long)attempt.Trigger, attempt.Outcome.Code(), attempt.Url,
                HeaderJson.Write(attempt.RequestHeaders), (long?)attempt.ResponseStatus, HeaderJson.Write(attempt.ResponseHeaders),
                attempt.ResponseBody, attempt.Detail, attempt.StartedAt.ToUnixTimeMilliseconds(), (long)attempt.Duration.TotalMilliseconds,
                attempt.NextAttemptAt?.ToUnixTimeMilliseconds())
            .Execute();
        if (next is not DeliveryStatus.Pending && attempt.Trigger is DeliveryTrigger.Replay)
        {
            await session.Prepared(
                """
                UPDATE replays SET finished_at = @at WHERE no = (
                    SELECT replay_no FROM deliveries WHERE message_seq = @message AND target_no = @target AND replay_no IS NOT NULL)
                """, "@at", "@message", "@target")
                .With((attempt.StartedAt + attempt.Duration).ToUnixTimeMilliseconds(), attempt.MessageSeq, attempt.TargetNo).Execute();
        }
    }

    /// <summary>Ends one delivery without an attempt, if it is still pending.</summary>
    public static Task End(WriteSession session, PendingDelivery delivery, DeliveryChange change) =>
        session.Prepared(
            "UPDATE deliveries SET status = @status, next_attempt_at = NULL, reason = @reason WHERE message_seq = @message AND target_no = @target AND status = 0",
            "@status", "@reason", "@message", "@target")
            .With((long)DeliveryStates.After(DeliveryStatus.Pending, change)!.Value, change.Reason(), delivery.MessageSeq, delivery.TargetNo).Execute();

    /// <summary>Ends up to <paramref name="most"/> pending deliveries of a target; answers how many.</summary>
    public static Task<int> EndSome(WriteSession session, long targetNo, DeliveryChange change, int most) =>
        session.Connection.ExecuteAsync(
            """
            UPDATE deliveries SET status = @status, next_attempt_at = NULL, reason = @reason
            WHERE target_no = @targetNo AND status = 0 AND message_seq IN (
                SELECT message_seq FROM deliveries WHERE target_no = @targetNo AND status = 0 LIMIT @most)
            """,
            new { status = (int)DeliveryStates.After(DeliveryStatus.Pending, change)!.Value, reason = change.Reason(), targetNo, most });

    /// <summary>Ends every pending delivery of a target, in steps that leave room for other writers.</summary>
    public async Task EndAll(long targetNo, DeliveryChange change)
    {
        const int Step = 1_000;
        while (await database.Write(session => EndSome(session, targetNo, change, Step)) == Step)
        {
        }
    }

    /// <summary>Reopens the deliveries of a message as a new run, and makes one that is pending due now.</summary>
    /// <param name="targets">The targets to reopen, of those that have a delivery.</param>
    /// <param name="replayNo">The replay that asked.</param>
    /// <param name="position">Where they join the queue of an ordered target: behind all that was accepted so far.</param>
    public static Task<int> Replay(WriteSession session, long messageSeq, IReadOnlyList<long> targets, long replayNo, long position, DateTimeOffset now) =>
        session.Connection.ExecuteAsync(
            """
            UPDATE deliveries SET
                run = CASE WHEN status = 0 THEN run ELSE run + 1 END,
                run_trigger = @trigger,
                run_attempts = CASE WHEN status = 0 THEN run_attempts ELSE 0 END,
                position = CASE WHEN status = 0 THEN position ELSE @position END,
                reason = NULL, replay_no = @replayNo, next_attempt_at = @now, status = 0
            WHERE message_seq = @messageSeq AND target_no IN @targets
            """,
            new { trigger = (int)DeliveryTrigger.Replay, replayNo, position, now = now.ToUnixTimeMilliseconds(), messageSeq, targets });

    /// <summary>The targets that have pending deliveries.</summary>
    public Task<List<long>> TargetsWithWork() => database.Read(async connection =>
        (await connection.QueryAsync<long>("SELECT DISTINCT target_no FROM deliveries WHERE status = 0")).AsList());

    /// <summary>What is due for a target, first to go first, and when the next one after that is due.</summary>
    public Task<(IReadOnlyList<PendingDelivery> Rows, DateTimeOffset? NextDue)> ReadDue(DeliveryTarget target, int limit, DateTimeOffset now) =>
        database.Read(async connection =>
        {
            var due = now.ToUnixTimeMilliseconds();
            var rows = target.Ordered ? await ReadInOrder(connection, target.No, limit, due) : await ReadByTime(connection, target.No, limit, due);
            var next = rows.Count >= limit ? null : await connection.QuerySingleAsync<long?>(
                "SELECT min(next_attempt_at) FROM deliveries WHERE target_no = @no AND status = 0 AND next_attempt_at > @due", new { no = target.No, due });
            return ((IReadOnlyList<PendingDelivery>)rows, next is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : (DateTimeOffset?)null);
        });

    private static async Task<List<PendingDelivery>> ReadByTime(DbConnection connection, long targetNo, int limit, long due) =>
        (await connection.QueryAsync<PendingRow>(
            $"SELECT {PendingColumns} FROM deliveries WHERE target_no = @targetNo AND status = 0 AND next_attempt_at <= @due ORDER BY next_attempt_at, message_seq LIMIT @limit",
            new { targetNo, due, limit })).Select(row => row.ToDelivery()).ToList();

    private static async Task<List<PendingDelivery>> ReadInOrder(DbConnection connection, long targetNo, int limit, long due)
    {
        // A message that is to be delivered later joins the queue when it is due; one that waits for its retry is in the queue and holds it.
        var rows = await connection.QueryAsync<PendingRow>(
            $"""
            SELECT {PendingColumns}, next_attempt_at FROM deliveries
            WHERE target_no = @targetNo AND status = 0 AND (next_attempt_at <= @due OR run_attempts > 0) ORDER BY position, message_seq LIMIT @limit
            """, new { targetNo, due, limit });
        return rows.TakeWhile(row => row.NextAttemptAt <= due).Select(row => row.ToDelivery()).ToList();
    }

    /// <summary>The deliveries of messages, for showing them.</summary>
    public static async Task<ILookup<long, Delivery>> OfMessages(DbConnection connection, IReadOnlyList<long> messageSeqs) =>
        (await connection.QueryAsync<DeliveryRow>(
            """
            SELECT message_seq, target_no, status, attempt_count, next_attempt_at, last_response_status, last_error, reason
            FROM deliveries WHERE message_seq IN @messageSeqs ORDER BY message_seq, target_no
            """, new { messageSeqs })).Select(row => row.ToDelivery()).ToLookup(delivery => delivery.MessageSeq);

    /// <summary>The attempts of a message, oldest first.</summary>
    /// <param name="targetNo">Only those to this target.</param>
    /// <param name="succeeded">Only those that did, or did not.</param>
    /// <param name="after">Only those that were recorded after this one.</param>
    public static async Task<List<Attempt>> Attempts(DbConnection connection, long messageSeq, long? targetNo, bool? succeeded, long after, int limit) =>
        (await connection.QueryAsync<AttemptRow>(
            """
            SELECT seq, id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers,
                response_body, detail, started_at, duration_ms, next_attempt_at
            FROM attempts WHERE message_seq = @messageSeq AND seq > @after
                AND (@targetNo IS NULL OR target_no = @targetNo)
                AND (@succeeded IS NULL OR CASE WHEN error IS NULL THEN 1 ELSE 0 END = @succeeded)
            ORDER BY seq LIMIT @limit
            """, new { messageSeq, targetNo, succeeded = succeeded is { } only ? Stored.Flag(only) : (long?)null, after, limit })).Select(row => row.ToAttempt()).ToList();

    private sealed record PendingRow
    {
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public int Run { get; init; }
        public int RunTrigger { get; init; }
        public int RunAttempts { get; init; }
        public int AttemptCount { get; init; }
        public long NextAttemptAt { get; init; }

        public PendingDelivery ToDelivery() => new(MessageSeq, TargetNo, Run, (DeliveryTrigger)RunTrigger, RunAttempts, AttemptCount);
    }

    private sealed record DeliveryRow
    {
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public int Status { get; init; }
        public int AttemptCount { get; init; }
        public long? NextAttemptAt { get; init; }
        public int? LastResponseStatus { get; init; }
        public string? LastError { get; init; }
        public string? Reason { get; init; }

        public Delivery ToDelivery() => new(
            MessageSeq, TargetNo, (DeliveryStatus)Status, AttemptCount, Stored.Time(NextAttemptAt), LastResponseStatus, LastError, Reason);
    }

    private sealed record AttemptRow
    {
        public long Seq { get; init; }
        public string Id { get; init; } = "";
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public int Number { get; init; }
        public int RunTrigger { get; init; }
        public string? Error { get; init; }
        public string Url { get; init; } = "";
        public string RequestHeaders { get; init; } = "";
        public int? ResponseStatus { get; init; }
        public string ResponseHeaders { get; init; } = "";
        public byte[]? ResponseBody { get; init; }
        public string? Detail { get; init; }
        public long StartedAt { get; init; }
        public long DurationMs { get; init; }
        public long? NextAttemptAt { get; init; }

        public Attempt ToAttempt() => new(
            Seq, Id, MessageSeq, TargetNo, Number, (DeliveryTrigger)RunTrigger, AttemptOutcomes.FromCode(Error)!.Value, Detail, Url,
            HeaderJson.Read(RequestHeaders), ResponseStatus, HeaderJson.Read(ResponseHeaders), ResponseBody ?? [],
            Stored.Time(StartedAt), TimeSpan.FromMilliseconds(DurationMs), Stored.Time(NextAttemptAt));
    }

    /// <summary>Headers as one JSON array of name and value in turn, which keeps their order and their doubles.</summary>
    private static class HeaderJson
    {
        public static string Write(IReadOnlyList<KeyValuePair<string, string>> headers) =>
            JsonSerializer.Serialize(headers.SelectMany(header => new[] { header.Key, header.Value }));

        public static List<KeyValuePair<string, string>> Read(string json) =>
            JsonSerializer.Deserialize<string[]>(json)!.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1])).ToList();
    }
}
