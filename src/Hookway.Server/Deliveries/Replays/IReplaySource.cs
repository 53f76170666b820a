namespace Hookway.Deliveries.Replays;

/// <summary>
/// What one kind of replay walks over: the seam between the run (<see cref="ReplayDriver"/>), which knows steps, progress and restarts, and those who know
/// the items (messages of an endpoint's recipient; events of a source).
/// </summary>
public interface IReplaySource
{
    /// <summary>The kind of the replays that walk here.</summary>
    string Kind { get; }

    /// <summary>The counter that numbers the items in the order of their acceptance; what is replayed takes new numbers and so joins the tail of ordered targets.</summary>
    string Counter { get; }

    /// <summary>The targets that the items go to.</summary>
    IDeliverySource Targets { get; }

    /// <summary>
    /// What comes next behind <see cref="Replay.WalkAfter"/>, in the order of acceptance. Reads a bounded part of the way, outside any transaction: what it answers
    /// is judged again (<see cref="ReplayWish"/>) in the transaction that opens it.
    /// </summary>
    /// <param name="most">The most items; there may be fewer, or none, before the end of the way.</param>
    Task<ReplayBatch> Next(Replay replay, int most);
}

/// <summary>One stretch of a walk.</summary>
/// <param name="Skipped">What matched and has nothing left to send.</param>
/// <param name="WalkedTo">The sequence up to which it came.</param>
/// <param name="IsLast">The walk is over.</param>
public sealed record ReplayBatch(IReadOnlyList<ReplayItem> Items, int Skipped, long WalkedTo, bool IsLast);

/// <summary>One delivery to open again, or to make.</summary>
/// <param name="MadeDueAt">When it is due if it is to be made; null when it must be there already.</param>
public sealed record ReplayItem(long MessageSeq, long TargetNo, ReplayWish Wish, DateTimeOffset? MadeDueAt);

/// <summary>What a replay asks for.</summary>
public enum ReplayWish
{
    /// <summary>What did not reach its target.</summary>
    Failed,

    /// <summary>What was never on its way to the target.</summary>
    Missing,

    /// <summary>Both, and what succeeded; but not what somebody took back.</summary>
    All,

    /// <summary>Whatever its state: somebody named this one.</summary>
    ThisOne,
}

/// <summary>What of a delivery decides whether a replay wants it.</summary>
public sealed record ReplayCandidate(DeliveryStatus Status, string? Reason, string? LastError, int AttemptCount, DateTimeOffset? NextAttemptAt);

/// <summary>The rules of selection.</summary>
public static class ReplaySelection
{
    /// <summary>Whether a delivery is to be opened again, or made when there is none (<paramref name="found"/> null).</summary>
    public static bool Wants(ReplayWish wish, ReplayCandidate? found, DateTimeOffset now) => (wish, found) switch
    {
        (ReplayWish.ThisOne, _) => true,
        (ReplayWish.Failed, null) => false,
        (_, null) => true,
        (ReplayWish.Missing, _) => false,
        (ReplayWish.Failed, _) => DidNotArrive(found),
        (_, { Status: DeliveryStatus.Succeeded }) => true,
        // One that was never tried and is due later was sent with deliverAt: its time has not come.
        (_, { Status: DeliveryStatus.Pending }) => found.AttemptCount > 0 || found.NextAttemptAt <= now,
        _ => DidNotArrive(found),
    };

    /// <summary>
    /// Failed, or ended by the state of its target. A canceled replay takes back itself alone: what had not arrived before it counts here again.
    /// </summary>
    private static bool DidNotArrive(ReplayCandidate found) => found switch
    {
        { Status: DeliveryStatus.Failed } => true,
        { Status: DeliveryStatus.Canceled, Reason: var reason } =>
            reason == DeliveryChange.TargetDisabled.Reason()
            || (reason == DeliveryChange.ReplayCanceled.Reason() && (found.LastError is not null || found.AttemptCount == 0)),
        _ => false,
    };
}
