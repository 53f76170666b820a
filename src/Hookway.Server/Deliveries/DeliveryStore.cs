using System.Data.Common;
using Dapper;
using Hookway.Deliveries.Replays;
using Hookway.Deliveries.Stats;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Every SQL statement about deliveries.</summary>
public sealed class DeliveryStore(Database database, ReadBounds bounds, TimeProvider clock)
{
    /// <summary>By how many milliseconds the clock of another node may be ahead of this one's, without what it accepted having to wait for that.</summary>
    private const long ClocksApart = 5_000;

    private const string PendingColumns = "message_seq, target_no, run, run_trigger, run_attempts, attempt_count";

    private static readonly RowStatement<NewDelivery> InsertStatement = new RowStatement<NewDelivery>(
        """
        INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at)
        SELECT v.message, v.target, 0, v.position, 0, v.run_trigger, 0, 0, v.due FROM {rows}
        """)
        .Number("message", row => row.MessageSeq).Number("target", row => row.TargetNo).Number("position", row => row.HasOwnTime ? -row.MessageSeq : row.InOrder ? row.MessageSeq : 0)
        .Number("run_trigger", row => (long)row.Trigger).Number("due", row => row.DueAt.ToUnixTimeMilliseconds());

    private static readonly RowStatement<AttemptRecord> OutcomeStatement = new RowStatement<AttemptRecord>(
        """
        UPDATE deliveries SET attempt_count = v.number, last_response_status = v.response_status, last_error = v.error,
            status = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.status ELSE deliveries.status END,
            run_attempts = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN run_attempts + 1 ELSE run_attempts END,
            next_attempt_at = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.next ELSE next_attempt_at END,
            reason = CASE WHEN deliveries.status = 0 AND deliveries.run = v.run THEN v.reason ELSE deliveries.reason END,
            position = abs(deliveries.position)
        FROM {rows} WHERE message_seq = v.message AND target_no = v.target RETURNING message_seq, target_no, deliveries.status, deliveries.run, replay_no
        """)
        .Number("message", row => row.Attempt.MessageSeq).Number("target", row => row.Attempt.TargetNo).Number("number", row => row.Attempt.Number)
        .Number("response_status", row => row.Attempt.ResponseStatus).Text("error", row => row.Attempt.Outcome.Code()).Number("run", row => row.Run)
        .Number("status", row => (long)DeliveryStates.After(DeliveryStatus.Pending, row.Verdict.Change)!.Value)
        .Number("next", row => Stored.Time(row.Verdict.NextAttemptAt)).Text("reason", row => row.Verdict.Change.Reason());

    private static readonly RowStatement EndStatement = new(
        """
        UPDATE deliveries SET status = v.ended, next_attempt_at = NULL, reason = v.why, canceled_at = v.at FROM {rows}
        WHERE message_seq = v.message AND deliveries.status = 0 RETURNING message_seq, target_no, replay_no
        """,
        RowStatement.Number("message"), RowStatement.Number("ended"), RowStatement.Text("why"), RowStatement.Number("at"));

    private static readonly RowStatement StayingStatement = new(
        """
        SELECT message_seq FROM {rows} JOIN deliveries d ON d.message_seq = v.message WHERE d.status = 0 OR (d.reason = v.expired AND d.canceled_at > v.since)
        """,
        RowStatement.Number("message"), RowStatement.Text("expired"), RowStatement.Number("since"));

    private static readonly RowStatement<long> EraseStatement = new RowStatement<long>(
        "DELETE FROM deliveries WHERE message_seq IN (SELECT v.message FROM {rows}) RETURNING replay_no").Number("message", seq => seq);

    /// <summary>Adds deliveries in the transaction that accepts their messages.</summary>
    public static async Task Insert(WriteSession session, IEnumerable<NewDelivery> deliveries)
    {
        var rows = deliveries as IReadOnlyList<NewDelivery> ?? [.. deliveries];
        await session.ForEach(InsertStatement, rows);
        if (session.Owners is { } owners)
        {
            await owners.Give(session, [.. rows.Select(delivery => delivery.TargetNo)]);
        }
    }

    /// <summary>
    /// Before a target is made ordered: gives what waits for it its place in the queue, in steps, which changes nothing while the target is not ordered. What comes meanwhile is
    /// left to <see cref="LineUp"/>.
    /// </summary>
    public static async Task LineUpAhead(Database database, long targetNo)
    {
        const int Step = 1_000;
        (long At, long Seq) after = (long.MinValue, long.MinValue);
        for (var lined = Step; lined == Step;)
        {
            (lined, after) = await database.Write(async session =>
            {
                var rows = (await session.Connection.QueryAsync<(long At, long Seq)>(
                    """
                    SELECT next_attempt_at, message_seq FROM deliveries WHERE target_no = @targetNo AND status = 0 AND (next_attempt_at, message_seq) > (@At, @Seq)
                    ORDER BY next_attempt_at, message_seq LIMIT @Step
                    """, new { targetNo, after.At, after.Seq, Step })).AsList();
                await session.Connection.ExecuteAsync(
                    $"UPDATE deliveries SET position = message_seq WHERE target_no = @targetNo AND status = 0 AND position = 0 AND message_seq IN {Stored.List(rows.Select(row => row.Seq))}",
                    new { targetNo });
                return (rows.Count, rows.Count == 0 ? after : rows[^1]);
            });
        }
    }

    /// <summary>
    /// In the transaction that makes a target ordered: gives what waits for it already its place in the queue. What another node accepts at that very moment may miss it, and
    /// goes behind the queue.
    /// </summary>
    public static Task LineUp(WriteSession session, long targetNo) => session.Connection.ExecuteAsync(
        "UPDATE deliveries SET position = message_seq WHERE target_no = @targetNo AND status = 0 AND position = 0", new { targetNo });

    /// <summary>
    /// Records attempts and what they mean for their deliveries, unless a delivery has ended or begun a new run meanwhile; answers how the deliveries then stand. One
    /// that has been erased is missing.
    /// </summary>
    public static async Task<IReadOnlyDictionary<(long MessageSeq, long TargetNo), DeliveryStanding>> Record(WriteSession session, IReadOnlyList<AttemptRecord> records)
    {
        var outcomes = await session.Read(
            OutcomeStatement, records,
            reader => (
                Key: (reader.GetInt64(0), reader.GetInt64(1)), Status: (DeliveryStatus)reader.GetInt64(2), Run: (int)reader.GetInt64(3),
                ReplayNo: reader.IsDBNull(4) ? 0 : reader.GetInt64(4)));
        var known = new Dictionary<(long MessageSeq, long TargetNo), DeliveryStanding>(outcomes.Count);
        outcomes.ForEach(outcome => known[outcome.Key] = new DeliveryStanding(outcome.Status, outcome.Run));
        // The message of an attempt may have been erased while it was under way, and nothing of it is to come back.
        var kept = records.Select(record => record.Attempt).Where(attempt => known.ContainsKey((attempt.MessageSeq, attempt.TargetNo))).ToList();
        await AttemptStore.Insert(session, kept);
        // Only a pending delivery has a replay that waits for it: one that has both a replay and an end was ended just now.
        var replayed = outcomes.Where(outcome => outcome.ReplayNo != 0 && outcome.Status is not DeliveryStatus.Pending).Distinct().ToList();
        if (replayed.Count > 0)
        {
            await ReplayProgress.Forget(session, replayed.Select(outcome => outcome.Key));
            await ReplayProgress.Count(session, replayed.Select(outcome => (outcome.ReplayNo, outcome.Status)), records.Max(record => record.Attempt.EndedAt));
        }
        return known;
    }

    /// <summary>Ends one delivery without an attempt, if it is still pending.</summary>
    /// <param name="at">The time of the end; the system's when null.</param>
    public static Task End(WriteSession session, PendingDelivery delivery, DeliveryChange change, DateTimeOffset at) =>
        EndWhere(session, "message_seq = @messageSeq AND target_no = @targetNo", new { delivery.MessageSeq, delivery.TargetNo }, change, at);

    /// <summary>Ends the pending deliveries of a message; answers their targets, which the schedule must then read again.</summary>
    public static Task<IReadOnlyList<long>> EndOfMessage(WriteSession session, long messageSeq, DeliveryChange change, DateTimeOffset at) =>
        EndOfMessages(session, [messageSeq], change, at);

    /// <summary>The same of some messages; answers their targets, each once.</summary>
    public static async Task<IReadOnlyList<long>> EndOfMessages(WriteSession session, IReadOnlyList<long> messageSeqs, DeliveryChange change, DateTimeOffset at)
    {
        var status = StatusAfter(change);
        var ended = await session.Read(
            EndStatement, [.. messageSeqs.Select(seq => new object?[] { seq, (long)status, change.Reason(), at.ToUnixTimeMilliseconds() })],
            row => new EndedRow(row.GetInt64(0), row.GetInt64(1), row.IsDBNull(2) ? null : row.GetInt64(2)));
        await Ended(session, ended, status, at);
        List<long> targets = [.. ended.Select(row => row.TargetNo).Distinct()];
        session.Owners?.Withdraw(session, targets);
        return targets;
    }

    /// <summary>Those of some messages that have a delivery that is pending, or that expired after a time.</summary>
    public static async Task<HashSet<long>> UnendedOrExpiredSince(WriteSession session, IReadOnlyList<long> messageSeqs, DateTimeOffset since) => [.. await session.Read(
        StayingStatement, [.. messageSeqs.Select(seq => new object?[] { seq, DeliveryChange.Expired.Reason(), since.ToUnixTimeMilliseconds() })], row => row.GetInt64(0))];

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
        var status = StatusAfter(change);
        var parameters = new DynamicParameters(values);
        parameters.AddDynamicParams(new { status = (int)status, reason = change.Reason(), at = at.ToUnixTimeMilliseconds() });
        var ended = (await session.Connection.QueryAsync<EndedRow>(
            $"UPDATE deliveries SET status = @status, next_attempt_at = NULL, reason = @reason, canceled_at = @at WHERE {where} AND status = 0 RETURNING message_seq, target_no, replay_no",
            parameters)).AsList();
        await Ended(session, ended, status, at);
        return ended;
    }

    private static DeliveryStatus StatusAfter(DeliveryChange change) => DeliveryStates.After(DeliveryStatus.Pending, change)!.Value;

    /// <summary>What the end of deliveries means for others.</summary>
    private static async Task Ended(WriteSession session, List<EndedRow> ended, DeliveryStatus status, DateTimeOffset at)
    {
        await TargetStatStore.CountCanceled(session, ended.Select(row => row.TargetNo), at);
        var replayed = ended.Where(row => row.ReplayNo is not null).ToList();
        if (replayed.Count > 0)
        {
            await ReplayProgress.Forget(session, replayed.Select(row => (row.MessageSeq, row.TargetNo)));
            await ReplayProgress.Count(session, replayed.Select(row => (row.ReplayNo!.Value, status)), at);
        }
    }

    /// <summary>Erases the deliveries and attempts of messages that are erased.</summary>
    public static async Task Erase(WriteSession session, IReadOnlyList<long> messageSeqs, DateTimeOffset at)
    {
        await AttemptStore.Erase(session, messageSeqs);
        var replays = await session.Read(EraseStatement, messageSeqs, row => row.IsDBNull(0) ? 0 : row.GetInt64(0));
        await ReplayProgress.Count(session, replays.Where(replayNo => replayNo != 0).Select(replayNo => (replayNo, DeliveryStatus.Canceled)), at);
    }

    /// <summary>
    /// Ends some of the pending deliveries that a replay opened, because it is canceled; those that were pending before it go on without it. Answers the targets of those that
    /// ended, which the schedule must then read again.
    /// </summary>
    public static async Task<IReadOnlyList<long>> EndOfReplay(WriteSession session, long replayNo, int most, DateTimeOffset at)
    {
        const string Some = "SELECT message_seq, target_no FROM (SELECT message_seq, target_no, run_trigger FROM deliveries WHERE replay_no = @replayNo LIMIT @most) AS replayed";
        var released = await session.Connection.ExecuteAsync(
            $"UPDATE deliveries SET replay_no = NULL WHERE (message_seq, target_no) IN ({Some} WHERE run_trigger <> 1)", new { replayNo, most });
        var ended = await EndWhere(
            session, $"(message_seq, target_no) IN ({Some} WHERE run_trigger = 1)", new { replayNo, most }, DeliveryChange.ReplayCanceled, at);
        await ReplayProgress.Count(session, Enumerable.Repeat((replayNo, DeliveryStatus.Canceled), released), at);
        List<long> targets = [.. ended.Select(row => row.TargetNo).Distinct()];
        session.Owners?.Withdraw(session, targets);
        return targets;
    }

    /// <summary>How much of a replay is due and has not been tried since, counted up to <paramref name="most"/>.</summary>
    public Task<int> DueOfReplay(long replayNo, int most, DateTimeOffset now) => database.Read(connection => connection.ExecuteScalarAsync<int>(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE replay_no = @replayNo AND next_attempt_at <= @now LIMIT @most) AS due",
        new { replayNo, now = now.ToUnixTimeMilliseconds(), most }));

    /// <summary>The targets that have pending deliveries, and when the first of those is due. Steps from target to target, however many deliveries each has.</summary>
    public Task<List<(long TargetNo, DateTimeOffset DueAt)>> TargetsWithWork() => database.Read(async connection =>
        (await connection.QueryAsync<(long TargetNo, long DueAt)>(
            """
            WITH RECURSIVE targets(no) AS (
                SELECT min(target_no) FROM deliveries WHERE status = 0
                UNION ALL
                SELECT (SELECT min(d.target_no) FROM deliveries d WHERE d.status = 0 AND d.target_no > targets.no) FROM targets WHERE targets.no IS NOT NULL)
            SELECT no, (SELECT min(d.next_attempt_at) FROM deliveries d WHERE d.status = 0 AND d.target_no = targets.no) FROM targets WHERE no IS NOT NULL
            """)).Select(row => (row.TargetNo, Stored.Time(row.DueAt))).ToList());

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

    // What was not tried yet and has no time of its own is due, though the clock of who accepted it be a little ahead.
    private static async Task<List<PendingDelivery>> ReadByTime(DbConnection connection, long targetNo, int limit, long due, bool outOfLine = false) =>
        (await connection.QueryAsync<PendingRow>(
            $"""
            SELECT {PendingColumns} FROM deliveries WHERE target_no = @targetNo AND status = 0 AND next_attempt_at <= @dueElsewhere
                AND (next_attempt_at <= @due OR (run_attempts = 0 AND position >= 0)){(outOfLine ? " AND position = 0" : "")}
            ORDER BY next_attempt_at, message_seq LIMIT @limit
            """, new { targetNo, due, dueElsewhere = due + ClocksApart, limit })).Select(row => row.ToDelivery()).ToList();

    // Reads deliveries_in_order and deliveries_to_join, which hold nothing without a place.
    private static async Task<(List<PendingDelivery> Rows, DateTimeOffset? HeadWaitsUntil)> ReadInOrder(DbConnection connection, long targetNo, int limit, long due)
    {
        var line = (await connection.QueryAsync<PendingRow>(
            $"""
            SELECT {PendingColumns}, next_attempt_at, position FROM deliveries
            WHERE target_no = @targetNo AND status = 0 AND position > 0 ORDER BY position, message_seq LIMIT @limit
            """, new { targetNo, limit })).AsList();
        bool Waits(PendingRow row) => row.RunAttempts > 0 && row.NextAttemptAt > due;
        if (line is [var head, ..] && Waits(head))
        {
            return ([], Stored.Time(head.NextAttemptAt));
        }
        // A message that is to be delivered later joins the line when it is due, unless the head of the line waits for its retry and holds all else.
        var joining = (await connection.QueryAsync<PendingRow>(
            $"""
            SELECT {PendingColumns}, next_attempt_at, position FROM deliveries
            WHERE target_no = @targetNo AND status = 0 AND position < 0 AND next_attempt_at <= @due ORDER BY next_attempt_at, message_seq LIMIT @limit
            """, new { targetNo, due, limit })).AsList();
        if (joining.Count > 0)
        {
            line = [.. line.Concat(joining).OrderBy(row => Math.Abs(row.Position)).ThenBy(row => row.MessageSeq).Take(limit)];
        }
        var rows = line.TakeWhile(row => !Waits(row)).Select(row => row.ToDelivery()).ToList();
        if (line.Count < limit)
        {
            rows.AddRange(await ReadByTime(connection, targetNo, limit - line.Count, due, outOfLine: true));
        }
        return (rows, null);
    }

    /// <summary>The items that were tried for a target and wait for their next attempt; of many that wait, those that are due last, among which they are.</summary>
    public Task<List<long>> Retrying(long targetNo) => database.Read(async connection =>
        (await connection.QueryAsync<long>(
            """
            SELECT message_seq FROM (
                SELECT message_seq, attempt_count FROM deliveries WHERE target_no = @targetNo AND status = 0 ORDER BY next_attempt_at DESC, message_seq DESC LIMIT @Rows) AS waiting
            WHERE attempt_count > 0
            """, new { targetNo, bounds.Rows })).AsList());

    /// <summary>The deliveries of messages, for showing them. While a target's circuit is open, none of its deliveries is tried before the next probe.</summary>
    public static async Task<ILookup<long, Delivery>> OfMessages(DbConnection connection, IReadOnlyList<long> messageSeqs) =>
        (await connection.QueryAsync<DeliveryRow>(
            $"""
            SELECT d.message_seq, d.target_no, d.status, d.attempt_count, CASE WHEN c.probe_at > d.next_attempt_at THEN c.probe_at ELSE d.next_attempt_at END AS next_attempt_at,
                d.last_response_status, d.last_error, d.reason, d.canceled_at
            FROM deliveries d LEFT JOIN target_circuits c ON c.target_no = d.target_no
            WHERE d.message_seq IN {Stored.List(messageSeqs)} ORDER BY d.message_seq, d.target_no
            """)).Select(row => row.ToDelivery()).ToLookup(delivery => delivery.MessageSeq);

    private sealed record PendingRow
    {
        public long MessageSeq { get; init; }
        public long TargetNo { get; init; }
        public int Run { get; init; }
        public int RunTrigger { get; init; }
        public int RunAttempts { get; init; }
        public int AttemptCount { get; init; }
        public long NextAttemptAt { get; init; }
        public long Position { get; init; }

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
        public long? CanceledAt { get; init; }

        public Delivery ToDelivery() => new(
            MessageSeq, TargetNo, (DeliveryStatus)Status, AttemptCount, Stored.Time(NextAttemptAt), LastResponseStatus, LastError, Reason, Stored.Time(CanceledAt));
    }

    private sealed record EndedRow(long MessageSeq, long TargetNo, long? ReplayNo);
}
