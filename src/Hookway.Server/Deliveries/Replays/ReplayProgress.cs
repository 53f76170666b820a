using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>
/// How far replays have come. A delivery names the replay that waits for it (<c>replay_no</c>) for as long as it is pending; what ends it, or takes it over, counts
/// in the replay's row in the same transaction, so that a later replay of the same delivery takes nothing away from an earlier one.
/// </summary>
internal static class ReplayProgress
{
    // Delivering becomes completed, and canceling canceled, when all that was queued has been counted; a failed one has then finished too.
    private static readonly RowStatement CountStatement = new(
        """
        UPDATE replays SET succeeded = replays.succeeded + v.succeeded, failed = replays.failed + v.failed, canceled = replays.canceled + v.canceled,
            state = CASE
                WHEN replays.state IN (1, 4) AND replays.succeeded + replays.failed + replays.canceled + v.succeeded + v.failed + v.canceled >= replays.queued
                THEN replays.state + 1 ELSE replays.state END,
            finished_at = CASE
                WHEN replays.state IN (1, 3, 4) AND replays.finished_at IS NULL
                    AND replays.succeeded + replays.failed + replays.canceled + v.succeeded + v.failed + v.canceled >= replays.queued
                THEN v.at ELSE replays.finished_at END
        FROM {rows} WHERE replays.no = v.replay
        """,
        RowStatement.Number("replay"), RowStatement.Number("succeeded"), RowStatement.Number("failed"), RowStatement.Number("canceled"), RowStatement.Number("at"));

    private static readonly RowStatement ForgetStatement = new(
        "UPDATE deliveries SET replay_no = NULL FROM {rows} WHERE message_seq = v.message AND target_no = v.target",
        RowStatement.Number("message"), RowStatement.Number("target"));

    /// <summary>Counts deliveries that ended, each for the replay that waited for it.</summary>
    public static Task Count(WriteSession session, IEnumerable<(long ReplayNo, DeliveryStatus Status)> ended, DateTimeOffset at) => session.ForEach(
        CountStatement,
        [.. ended.GroupBy(delivery => delivery.ReplayNo, delivery => delivery.Status).OrderBy(replay => replay.Key).Select(replay => new object?[]
        {
            replay.Key, replay.LongCount(status => status is DeliveryStatus.Succeeded), replay.LongCount(status => status is DeliveryStatus.Failed),
            replay.LongCount(status => status is DeliveryStatus.Canceled), at.ToUnixTimeMilliseconds(),
        })]);

    /// <summary>A replay queues nothing more: it is over now if nothing of it is pending.</summary>
    public static Task Settle(WriteSession session, long replayNo, DateTimeOffset at) =>
        session.ForEach(CountStatement, [[replayNo, 0L, 0L, 0L, at.ToUnixTimeMilliseconds()]]);

    /// <summary>No replay waits for these deliveries any more.</summary>
    public static Task Forget(WriteSession session, IEnumerable<(long MessageSeq, long TargetNo)> deliveries) =>
        session.ForEach(ForgetStatement, [.. deliveries.Select(delivery => new object?[] { delivery.MessageSeq, delivery.TargetNo })]);
}
