using System.Data.Common;
using System.Text.Json;
using Dapper;
using Hookway.Deliveries.Replays;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Every SQL statement about deliveries and attempts.</summary>
public sealed class DeliveryStore(Database database, TimeProvider clock)
{
    private const string PendingColumns = "message_seq, target_no, run, run_trigger, run_attempts, attempt_count";

    private const string AttemptColumns =
        """
        seq, id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers, response_body, detail, started_at,
        duration_ms, next_attempt_at
        """;

    private static readonly RowStatement InsertStatement = new(
        """
        INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at)
        SELECT v.message, v.target, 0, v.position, 0, v.run_trigger, 0, 0, v.due FROM {rows}
        """, RowStatement.Number("message"), RowStatement.Number("target"), RowStatement.Number("position"), RowStatement.Number("run_trigger"),
        RowStatement.Number("due"));

    private static readonly RowStatement OutcomeStatement = new(
        """
        UPDATE deliveries SET attempt_count = v.number, last_response_status = v.response_status, last_error = v.error,
            status = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.status ELSE deliveries.status END,
            run_attempts = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN run_attempts + 1 ELSE run_attempts END,
            next_attempt_at = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.next ELSE next_attempt_at END,
            reason = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.reason ELSE deliveries.reason END
        FROM {rows} WHERE message_seq = v.message AND target_no = v.target RETURNING message_seq, target_no, deliveries.status, replay_no
        """,
        RowStatement.Number("message"), RowStatement.Number("target"), RowStatement.Number("number"), RowStatement.Number("response_status"), RowStatement.Text("error"),
        RowStatement.Number("run"), RowStatement.Number("status"), RowStatement.Number("next"), RowStatement.Text("reason"));

    private static readonly RowStatement AttemptStatement = new(
        """
        INSERT INTO attempts (id, message_seq, target_no, number, run_trigger, error, url, request_headers, response_status, response_headers,
            response_body, detail, started_at, duration_ms, next_attempt_at)
        SELECT v.id, v.message, v.target, v.number, v.run_trigger, v.error, v.url, v.request_headers, v.response_status, v.response_headers,
            v.response_body, v.detail, v.started_at, v.duration, v.next FROM {rows}
        """,
        RowStatement.Text("id"), RowStatement.Number("message"), RowStatement.Number("target"), RowStatement.Number("number"), RowStatement.Number("run_trigger"),
        RowStatement.Text("error"), RowStatement.Text("url"), RowStatement.Text("request_headers"), RowStatement.Number("response_status"),
        RowStatement.Text("response_headers"), RowStatement.Bytes("response_body"), RowStatement.Text("detail"), RowStatement.Number("started_at"),
        RowStatement.Number("duration"), RowStatement.Number("next"));

    /// <summary>Adds deliveries in the transaction that accepts their messages.</summary>
    public static Task Insert(WriteSession session, IEnumerable<NewDelivery> deliveries) => session.ForEach(
        InsertStatement,
        [.. deliveries.Select(delivery => new object?[] { delivery.MessageSeq, delivery.TargetNo, delivery.Position ?? delivery.MessageSeq, (long)delivery.Trigger, delivery.DueAt.ToUnixTimeMilliseconds() })]);

    /// <summary>Records attempts and what they mean for their deliveries, unless a delivery has ended or begun a new run meanwhile.</summary>
    public static async Task Record(WriteSession session, IReadOnlyList<AttemptRecord> records)
    {
        var outcomes = await session.Read(
            OutcomeStatement, [.. records.Select(OutcomeRow)],
            reader => (Key: (reader.GetInt64(0), reader.GetInt64(1)), Status: (DeliveryStatus)reader.GetInt64(2), ReplayNo: reader.IsDBNull(3) ? 0 : reader.GetInt64(3)));
        var known = outcomes.Select(outcome => outcome.Key).ToHashSet();
        // The message of an attempt may have been erased while it was under way, and nothing of it is to come back.
        var kept = records.Select(record => record.Attempt).Where(attempt => known.Contains((attempt.MessageSeq, attempt.TargetNo))).ToList();
        await session.ForEach(AttemptStatement, kept.ConvertAll(RowOf));
        // Only a pending delivery has a replay that waits for it: one that has both a replay and an end was ended just now.
        var replayed = outcomes.Where(outcome => outcome.ReplayNo != 0 && outcome.Status is not DeliveryStatus.Pending).Distinct().ToList();
        if (replayed.Count > 0)
        {
            await ReplayProgress.Forget(session, replayed.Select(outcome => outcome.Key));
            await ReplayProgress.Count(session, replayed.Select(outcome => (outcome.ReplayNo, outcome.Status)), records.Max(record => record.Attempt.EndedAt));
        }
    }

    private static object?[] OutcomeRow(AttemptRecord record) =>
    [
        record.Attempt.MessageSeq, record.Attempt.TargetNo, (long)record.Attempt.Number, (long?)record.Attempt.ResponseStatus, record.Attempt.Outcome.Code(),
        (long)record.Run, (long)DeliveryStates.After(DeliveryStatus.Pending, record.Verdict.Change)!.Value,
        Stored.Time(record.Verdict.NextAttemptAt), record.Verdict.Change.Reason(),
    ];

    private static object?[] RowOf(Attempt attempt) =>
    [
        attempt.AttemptId, attempt.MessageSeq, attempt.TargetNo, (long)attempt.Number, (long)attempt.Trigger, attempt.Outcome.Code(), attempt.Url,
        HeaderJson.Write(attempt.RequestHeaders), (long?)attempt.ResponseStatus, HeaderJson.Write(attempt.ResponseHeaders), attempt.ResponseBody, attempt.Detail,
        attempt.StartedAt.ToUnixTimeMilliseconds(), (long)attempt.Duration.TotalMilliseconds, Stored.Time(attempt.NextAttemptAt),
    ];

    /// <summary>Ends one delivery without an attempt, if it is still pending.</summary>
    /// <param name="at">The time of the end; the system's when null.</param>
    public static Task End(WriteSession session, PendingDelivery delivery, DeliveryChange change, DateTimeOffset at) =>
        EndWhere(session, "message_seq = @messageSeq AND target_no = @targetNo", new { delivery.MessageSeq, delivery.TargetNo }, change, at);

    /// <summary>Ends the pending deliveries of a message; answers their targets, which the schedule must then read again.</summary>
    public static async Task<IReadOnlyList<long>> EndOfMessage(WriteSession session, long messageSeq, DeliveryChange change, DateTimeOffset at) =>
        [.. (await EndWhere(session, "message_seq = @messageSeq", new { messageSeq }, change, at)).Select(ended => ended.TargetNo)];

    /// <summary>Ends up to <paramref name="most"/> pending deliveries of a target; answers how many.</summary>
    /// <param name="at">The time of the end; the system's when null.</param>
    public static async Task<int> EndSome(WriteSession session, long targetNo, DeliveryChange change, int most, DateTimeOffset at) =>
        (await EndWhere(
            session, "target_no = @targetNo AND message_seq IN (SELECT message_seq FROM deliveries WHERE target_no = @targetNo AND status = 0 LIMIT @most)",
            new { targetNo, most }, change, at)).Count;

    /// <summary>Ends every pending delivery of a target, in steps that leave room for other writers.</summary>
    /// <param name="stillEnded">
    /// Asked in the transaction of each step whether the target is over, and why: it may be taken back into service, with new work, between two steps.
    /// </param>
    public async Task EndAll(long targetNo, Func<WriteSession, Task<DeliveryChange?>> stillEnded)
    {
        while (!await EndStep(targetNo, stillEnded))
        {
        }
    }

    /// <summary>One such step; answers whether it was the last.</summary>
    public async Task<bool> EndStep(long targetNo, Func<WriteSession, Task<DeliveryChange?>> stillEnded)
    {
        const int Step = 1_000;
        return await database.Write(async session =>
            await stillEnded(session) is { } why ? await EndSome(session, targetNo, why, Step, clock.GetUtcNow()) : 0) < Step;
    }

    private static async Task<List<EndedRow>> EndWhere(WriteSession session, string where, object values, DeliveryChange change, DateTimeOffset at)
    {
        var status = DeliveryStates.After(DeliveryStatus.Pending, change)!.Value;
        var parameters = new DynamicParameters(values);
        parameters.AddDynamicParams(new { status = (int)status, reason = change.Reason() });
        var ended = (await session.Connection.QueryAsync<EndedRow>(
            $"UPDATE deliveries SET status = @status, next_attempt_at = NULL, reason = @reason WHERE {where} AND status = 0 RETURNING message_seq, target_no, replay_no",
            parameters)).AsList();
        var replayed = ended.Where(row => row.ReplayNo is not null).ToList();
        if (replayed.Count > 0)
        {
            await ReplayProgress.Forget(session, replayed.Select(row => (row.MessageSeq, row.TargetNo)));
            await ReplayProgress.Count(session, replayed.Select(row => (row.ReplayNo!.Value, status)), at);
        }
        return ended;
    }

    /// <summary>Erases the deliveries and attempts of messages that are erased.</summary>
    public static async Task Erase(WriteSession session, IReadOnlyList<long> messageSeqs, DateTimeOffset at)
    {
        var list = Stored.List(messageSeqs);
        await session.Connection.ExecuteAsync($"DELETE FROM attempts WHERE message_seq IN {list}");
        var erased = await session.Connection.QueryAsync<long?>($"DELETE FROM deliveries WHERE message_seq IN {list} RETURNING replay_no");
        await ReplayProgress.Count(session, erased.OfType<long>().Select(replayNo => (replayNo, DeliveryStatus.Canceled)), at);
    }

    /// <summary>Reopens the deliveries of a message as a new run, and makes one that is pending due now; an earlier replay that waited for one counts it as canceled.</summary>
    /// <param name="targets">The targets to reopen, of those that have a delivery.</param>
    /// <param name="replayNo">The replay that asked.</param>
    /// <param name="position">Where they join the queue of an ordered target: behind all that was accepted so far.</param>
    public static async Task Replay(WriteSession session, long messageSeq, IReadOnlyList<long> targets, long replayNo, long position, DateTimeOffset now)
    {
        var found = await session.Connection.QueryAsync<(long TargetNo, int Status, long? ReplayNo)>(
            $"SELECT target_no, status, replay_no FROM deliveries WHERE message_seq = @messageSeq AND target_no IN {Stored.List(targets)}", new { messageSeq });
        var reopened = found.Where(row => DeliveryStates.After((DeliveryStatus)row.Status, DeliveryChange.Replayed) is DeliveryStatus.Pending).ToList();
        await ReplayProgress.Count(session, reopened.Where(row => row.ReplayNo is not null).Select(row => (row.ReplayNo!.Value, DeliveryStatus.Canceled)), now);
        await session.Connection.ExecuteAsync(
            $"""
            UPDATE deliveries SET
                run = CASE WHEN status = 0 THEN run ELSE run + 1 END,
                run_trigger = @trigger,
                run_attempts = CASE WHEN status = 0 THEN run_attempts ELSE 0 END,
                position = CASE WHEN status = 0 THEN position ELSE @position END,
                reason = NULL, replay_no = @replayNo, next_attempt_at = @now, status = 0
            WHERE message_seq = @messageSeq AND target_no IN {Stored.List(reopened.Select(row => row.TargetNo))}
            """,
            new { trigger = (int)DeliveryTrigger.Replay, replayNo, position, now = now.ToUnixTimeMilliseconds(), messageSeq });
    }

    /// <summary>The targets that have pending deliveries.</summary>
    public Task<List<long>> TargetsWithWork() => database.Read(async connection =>
        (await connection.QueryAsync<long>("SELECT DISTINCT target_no FROM deliveries WHERE status = 0")).AsList());

    /// <summary>What is due for a target, first to go first, and when the next one after that is due.</summary>
    public Task<DueDeliveries> ReadDue(DeliveryTarget target, int limit, DateTimeOffset now) =>
        database.Read(async connection =>
        {
            var due = now.ToUnixTimeMilliseconds();
            var (rows, headWaitsUntil) = target.Ordered
                ? await ReadInOrder(connection, target.No, limit, due)
                : (await ReadByTime(connection, target.No, limit, due), null);
            var next = rows.Count >= limit ? null : await connection.QuerySingleAsync<long?>(
                "SELECT min(next_attempt_at) FROM deliveries WHERE target_no = @no AND status = 0 AND next_attempt_at > @due", new { no = target.No, due });
            return new DueDeliveries(rows, Stored.Time(next), headWaitsUntil);
        });

    private static async Task<List<PendingDelivery>> ReadByTime(DbConnection connection, long targetNo, int limit, long due) =>
        (await connection.QueryAsync<PendingRow>(
            $"SELECT {PendingColumns} FROM deliveries WHERE target_no = @targetNo AND status = 0 AND next_attempt_at <= @due ORDER BY next_attempt_at, message_seq LIMIT @limit",
            new { targetNo, due, limit })).Select(row => row.ToDelivery()).ToList();

    private static async Task<(List<PendingDelivery> Rows, DateTimeOffset? HeadWaitsUntil)> ReadInOrder(DbConnection connection, long targetNo, int limit, long due)
    {
        // A message that is to be delivered later joins the queue when it is due; one that waits for its retry is in the queue and holds it.
        var rows = (await connection.QueryAsync<PendingRow>(
            $"""
            SELECT {PendingColumns}, next_attempt_at FROM deliveries
            WHERE target_no = @targetNo AND status = 0 AND (next_attempt_at <= @due OR run_attempts > 0) ORDER BY position, message_seq LIMIT @limit
            """, new { targetNo, due, limit })).AsList();
        return (
            rows.TakeWhile(row => row.NextAttemptAt <= due).Select(row => row.ToDelivery()).ToList(),
            rows is [{ NextAttemptAt: var head }, ..] && head > due ? Stored.Time(head) : null);
    }

    /// <summary>The deliveries of messages, for showing them.</summary>
    public static async Task<ILookup<long, Delivery>> OfMessages(DbConnection connection, IReadOnlyList<long> messageSeqs) =>
        (await connection.QueryAsync<DeliveryRow>(
            $"""
            SELECT message_seq, target_no, status, attempt_count, next_attempt_at, last_response_status, last_error, reason
            FROM deliveries WHERE message_seq IN {Stored.List(messageSeqs)} ORDER BY message_seq, target_no
            """)).Select(row => row.ToDelivery()).ToLookup(delivery => delivery.MessageSeq);

    /// <summary>The attempts of a message, oldest first.</summary>
    /// <param name="targetNo">Only those to this target.</param>
    /// <param name="succeeded">Only those that did, or did not.</param>
    /// <param name="after">Only those that were recorded after this one.</param>
    public static async Task<List<Attempt>> Attempts(DbConnection connection, long messageSeq, long? targetNo, bool? succeeded, long after, int limit) =>
        (await connection.QueryAsync<AttemptRow>(
            $"""
            SELECT {AttemptColumns} FROM attempts WHERE message_seq = @messageSeq AND seq > @after
                AND (@targetNo IS NULL OR target_no = @targetNo)
                AND (@succeeded IS NULL OR CASE WHEN error IS NULL THEN 1 ELSE 0 END = @succeeded)
            ORDER BY seq LIMIT @limit
            """, new { messageSeq, targetNo, succeeded = succeeded is { } only ? Stored.Flag(only) : (long?)null, after, limit })).Select(row => row.ToAttempt()).ToList();

    /// <summary>The attempts to a target, newest first.</summary>
    /// <param name="succeeded">Only those that did, or did not.</param>
    /// <param name="since">Only those that began then or later, in Unix milliseconds.</param>
    /// <param name="until">Only those that began before.</param>
    public static async Task<List<Attempt>> AttemptsOfTarget(
        DbConnection connection, long targetNo, bool? succeeded, long? since, long? until, long before, int limit) =>
        (await connection.QueryAsync<AttemptRow>(
            $"""
            SELECT {AttemptColumns} FROM attempts WHERE target_no = @targetNo AND seq < @before
                AND (@succeeded IS NULL OR CASE WHEN error IS NULL THEN 1 ELSE 0 END = @succeeded)
                AND (@since IS NULL OR started_at >= @since) AND (@until IS NULL OR started_at < @until)
            ORDER BY seq DESC LIMIT @limit
            """,
            new { targetNo, succeeded = succeeded is { } only ? Stored.Flag(only) : (long?)null, since, until, before, limit })).Select(row => row.ToAttempt()).ToList();

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

    private sealed record EndedRow(long MessageSeq, long TargetNo, long? ReplayNo);

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
