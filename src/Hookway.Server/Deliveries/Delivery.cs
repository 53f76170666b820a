namespace Hookway.Deliveries;

/// <summary>A delivery as it is shown: one message on its way to one target.</summary>
/// <param name="Reason">Why it ended without success, as a stable code; null otherwise.</param>
/// <param name="LastError">The error code of the last attempt; null when it succeeded or there was none.</param>
/// <param name="CanceledAt">When it was canceled, unless by an attempt; the end of any other is that of its last attempt.</param>
public sealed record Delivery(
    long MessageSeq, long TargetNo, DeliveryStatus Status, int AttemptCount, DateTimeOffset? NextAttemptAt,
    int? LastResponseStatus, string? LastError, string? Reason, DateTimeOffset? CanceledAt = null);

/// <summary>Where a delivery stands after an attempt of it was recorded: it may have ended, or begun another run, while that was under way.</summary>
public readonly record struct DeliveryStanding(DeliveryStatus Status, int Run);

/// <summary>One HTTP request of a delivery, with what came back.</summary>
/// <param name="Number">Counts the attempts of the delivery from 1, over all its runs.</param>
/// <param name="RequestHeaders">As sent, secret values masked.</param>
/// <param name="ResponseBody">The first 16 KiB.</param>
/// <param name="NextAttemptAt">When the delivery was to be tried again after this attempt; null when not.</param>
public sealed record Attempt(
    long Seq, string AttemptId, long MessageSeq, long TargetNo, int Number, DeliveryTrigger Trigger, AttemptOutcome Outcome, string? Detail, string Url,
    IReadOnlyList<KeyValuePair<string, string>> RequestHeaders, int? ResponseStatus, IReadOnlyList<KeyValuePair<string, string>> ResponseHeaders,
    byte[] ResponseBody, DateTimeOffset StartedAt, TimeSpan Duration, DateTimeOffset? NextAttemptAt)
{
    public DateTimeOffset EndedAt => StartedAt + Duration;
}

/// <summary>What a read of a target found.</summary>
/// <param name="Rows">Due deliveries, first to go first.</param>
/// <param name="NextDue">When the next one beyond them is due; null when there is none, or when the read was full.</param>
/// <param name="HeadWaitsUntil">Set when the head of an ordered target waits for its retry, and holds the rest until then.</param>
public sealed record DueDeliveries(IReadOnlyList<PendingDelivery> Rows, DateTimeOffset? NextDue, DateTimeOffset? HeadWaitsUntil)
{
    public static DueDeliveries None { get; } = new([], null, null);
}

/// <summary>A delivery that is added, with its message or for a message that did not go to the target before.</summary>
/// <param name="InOrder">It gets a place in the queue, that of its message; false where the target is known not to be ordered, which needs none.</param>
/// <param name="HasOwnTime">It is due at a time that its caller chose, and joins the queue then; anything else is in its place at once, whatever the clock said.</param>
public sealed record NewDelivery(long MessageSeq, long TargetNo, DeliveryTrigger Trigger, DateTimeOffset DueAt, bool InOrder = true, bool HasOwnTime = false);
