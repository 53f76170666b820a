using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>Opens deliveries again, many at a time: every SQL statement about that.</summary>
internal static class ReplayedDeliveries
{
    private static readonly RowStatement<ReplayItem> FindStatement = new RowStatement<ReplayItem>(
        """
        SELECT d.message_seq, d.target_no, d.status, d.reason, d.last_error, d.attempt_count, d.next_attempt_at, d.replay_no
        FROM {rows} JOIN deliveries d ON d.message_seq = v.message AND d.target_no = v.target
        """).Number("message", item => item.MessageSeq).Number("target", item => item.TargetNo);

    // One that is still pending goes on in its run, with its budget and at its place, and is due now.
    private static readonly RowStatement<Opening> ReopenStatement = Opening.Statement(
        """
        UPDATE deliveries SET
            run = CASE WHEN deliveries.status = 0 THEN run ELSE run + 1 END,
            run_trigger = CASE WHEN deliveries.status = 0 THEN run_trigger ELSE 1 END,
            run_attempts = CASE WHEN deliveries.status = 0 THEN run_attempts ELSE 0 END,
            position = CASE WHEN deliveries.status = 0 THEN abs(deliveries.position) ELSE v.place END,
            reason = NULL, canceled_at = NULL, replay_no = v.replay, next_attempt_at = v.due, status = 0
        FROM {rows} WHERE message_seq = v.message AND target_no = v.target
        """);

    private static readonly RowStatement<Opening> MakeStatement = Opening.Statement(
        """
        INSERT INTO deliveries (message_seq, target_no, status, position, run, run_trigger, run_attempts, attempt_count, next_attempt_at, replay_no)
        SELECT v.message, v.target, 0, v.place, 0, 1, 0, 0, v.due, v.replay FROM {rows}
        """);

    /// <summary>
    /// Opens those that are still wanted, as they stand in this transaction, as new runs with fresh retry budgets; makes those that are missing; and makes due now what is
    /// pending. An earlier replay that waited for one counts it as canceled.
    /// </summary>
    /// <param name="items">In the order in which they join the queue of an ordered target: behind all that was accepted so far.</param>
    public static async Task<Reopened> Open(WriteSession session, IReadOnlyList<ReplayItem> items, long replayNo, string counter, DateTimeOffset now)
    {
        var found = (await session.Read(FindStatement, items, Found.Read)).ToDictionary(row => (row.MessageSeq, row.TargetNo));
        var wanted = items.Select(item => (Item: item, Found: found.GetValueOrDefault((item.MessageSeq, item.TargetNo))))
            .Where(pair => (pair.Found is not null || pair.Item.MadeDueAt is not null) && ReplaySelection.Wants(pair.Item.Wish, pair.Found?.Candidate, now)).ToList();
        if (wanted.Count == 0)
        {
            return new Reopened(0, [], []);
        }
        var openings = wanted.Zip(
            await session.TakeNumbers(counter, wanted.Count),
            (pair, place) => new Opening(
                pair.Item, pair.Found, pair.Found is null && pair.Item.MadeDueAt > now ? -place : place, replayNo, pair.Found is null ? pair.Item.MadeDueAt!.Value : now)).ToList();
        await session.ForEach(ReopenStatement, openings.FindAll(opening => opening.Found is not null));
        await session.ForEach(MakeStatement, openings.FindAll(opening => opening.Found is null));
        await ReplayProgress.Count(
            session, wanted.Where(pair => pair.Found?.ReplayNo is not null).Select(pair => (pair.Found!.ReplayNo!.Value, DeliveryStatus.Canceled)), now);
        var reopened = new Reopened(
            wanted.Count, [.. wanted.Select(pair => pair.Item.TargetNo).Distinct()],
            [.. wanted.Where(pair => pair.Found is { Candidate.Status: DeliveryStatus.Pending }).Select(pair => pair.Item.TargetNo).Distinct()]);
        if (session.Owners is { } owners)
        {
            await owners.Give(session, reopened.Targets);
            owners.Withdraw(session, reopened.Hastened);
        }
        return reopened;
    }

    /// <summary>One that is opened, or made when it was not found.</summary>
    private sealed record Opening(ReplayItem Item, Found? Found, long Place, long ReplayNo, DateTimeOffset DueAt)
    {
        public static RowStatement<Opening> Statement(string sql) => new RowStatement<Opening>(sql)
            .Number("message", row => row.Item.MessageSeq).Number("target", row => row.Item.TargetNo).Number("place", row => row.Place)
            .Number("replay", row => row.ReplayNo).Number("due", row => row.DueAt.ToUnixTimeMilliseconds());
    }

    private sealed record Found(long MessageSeq, long TargetNo, ReplayCandidate Candidate, long? ReplayNo)
    {
        public static Found Read(FoundRow row) => new(
            row.GetInt64(0), row.GetInt64(1),
            new ReplayCandidate(
                (DeliveryStatus)row.GetInt64(2), row.IsDBNull(3) ? null : row.GetString(3), row.IsDBNull(4) ? null : row.GetString(4), (int)row.GetInt64(5),
                row.IsDBNull(6) ? null : Stored.Time(row.GetInt64(6))),
            row.IsDBNull(7) ? null : row.GetInt64(7));
    }
}

/// <summary>What was opened again.</summary>
/// <param name="Count">How many deliveries.</param>
/// <param name="Targets">Theirs: they have more that is due.</param>
/// <param name="Hastened">Those of which something was pending that is due earlier now.</param>
internal sealed record Reopened(int Count, IReadOnlyList<long> Targets, IReadOnlyList<long> Hastened)
{
    /// <summary>After the commit: lets the engine see it.</summary>
    public void TellOf(DeliverySchedule schedule, DateTimeOffset now)
    {
        foreach (var target in Targets)
        {
            if (Hastened.Contains(target))
            {
                // What waits in memory, the head of an ordered target perhaps, may be due now: the store says.
                schedule.Refresh(target);
            }
            else
            {
                schedule.WakeAt(target, now);
            }
        }
    }
}
