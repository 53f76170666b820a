namespace Hookway.Deliveries;

/// <summary>
/// Where a delivery stands. The numbers are stored. <em>Held</em> is not among them: it is what a pending delivery is called while its target is paused,
/// so that pausing and resuming a target with a million deliveries changes one row.
/// </summary>
public enum DeliveryStatus
{
    Pending = 0,
    Succeeded = 1,
    Failed = 2,
    Canceled = 3,
}

/// <summary>What started a run of attempts. The numbers are stored.</summary>
public enum DeliveryTrigger
{
    /// <summary>The message was accepted.</summary>
    Automatic = 0,

    /// <summary>Somebody asked to deliver it again.</summary>
    Replay = 1,

    /// <summary>Somebody asked for a test message.</summary>
    Test = 2,
}

/// <summary>What can happen to a delivery.</summary>
public enum DeliveryChange
{
    AttemptSucceeded,
    AttemptWillBeRepeated,
    AttemptsExhausted,
    ReceiverAborted,
    TargetDisabled,
    TargetDeleted,
    AppArchived,
    SourceArchived,
    CanceledByPerson,
    ContentErased,
    ReplayCanceled,

    /// <summary>The message was kept as long as its workspace keeps them.</summary>
    Expired,
    Replayed,
}

/// <summary>The delivery state machine, as one table: what is not in it does not happen.</summary>
public static class DeliveryStates
{
    private static readonly Dictionary<(DeliveryStatus From, DeliveryChange Change), DeliveryStatus> Table = new()
    {
        [(DeliveryStatus.Pending, DeliveryChange.AttemptSucceeded)] = DeliveryStatus.Succeeded,
        [(DeliveryStatus.Pending, DeliveryChange.AttemptWillBeRepeated)] = DeliveryStatus.Pending,
        [(DeliveryStatus.Pending, DeliveryChange.AttemptsExhausted)] = DeliveryStatus.Failed,
        [(DeliveryStatus.Pending, DeliveryChange.ReceiverAborted)] = DeliveryStatus.Failed,
        [(DeliveryStatus.Pending, DeliveryChange.TargetDisabled)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.TargetDeleted)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.AppArchived)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.SourceArchived)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.CanceledByPerson)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.ContentErased)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.ReplayCanceled)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.Expired)] = DeliveryStatus.Canceled,
        [(DeliveryStatus.Pending, DeliveryChange.Replayed)] = DeliveryStatus.Pending,
        [(DeliveryStatus.Succeeded, DeliveryChange.Replayed)] = DeliveryStatus.Pending,
        [(DeliveryStatus.Failed, DeliveryChange.Replayed)] = DeliveryStatus.Pending,
        [(DeliveryStatus.Canceled, DeliveryChange.Replayed)] = DeliveryStatus.Pending,
    };

    /// <summary>The state that follows, or null when the change is not possible in this state.</summary>
    public static DeliveryStatus? After(DeliveryStatus from, DeliveryChange change) =>
        Table.TryGetValue((from, change), out var to) ? to : null;

    /// <summary>The word for the API; a pending delivery of a paused target is held.</summary>
    public static string Word(this DeliveryStatus status, bool targetIsPaused = false) => status switch
    {
        DeliveryStatus.Pending => targetIsPaused ? "held" : "pending",
        DeliveryStatus.Succeeded => "succeeded",
        DeliveryStatus.Failed => "failed",
        DeliveryStatus.Canceled => "canceled",
        _ => throw new ArgumentOutOfRangeException(nameof(status)),
    };

    /// <summary>The stable code of why a delivery ended without success, or null where the status says it all.</summary>
    public static string? Reason(this DeliveryChange change) => change switch
    {
        DeliveryChange.AttemptsExhausted => "attempts_exhausted",
        DeliveryChange.ReceiverAborted => "aborted_by_receiver",
        DeliveryChange.TargetDisabled => "endpoint_disabled",
        DeliveryChange.TargetDeleted => "endpoint_deleted",
        DeliveryChange.AppArchived => "app_archived",
        DeliveryChange.SourceArchived => "source_archived",
        DeliveryChange.CanceledByPerson => "canceled",
        DeliveryChange.ContentErased => "payload_expired",
        DeliveryChange.ReplayCanceled => "replay_canceled",
        DeliveryChange.Expired => "expired",
        _ => null,
    };

    public static string Word(this DeliveryTrigger trigger) => trigger switch
    {
        DeliveryTrigger.Automatic => "automatic",
        DeliveryTrigger.Replay => "replay",
        DeliveryTrigger.Test => "test",
        _ => throw new ArgumentOutOfRangeException(nameof(trigger)),
    };
}
