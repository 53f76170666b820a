namespace Hookway.Deliveries;

/// <summary>One thing to do: an attempt of a delivery, or (without one) a read of a target's due deliveries.</summary>
public readonly record struct ScheduledWork(long TargetNo, PendingDelivery? Delivery, int ReadLimit)
{
    /// <summary>The schedule's epoch when it was taken.</summary>
    public long Epoch { get; init; }

    /// <summary>Among which targets the attempt took its place.</summary>
    public TargetStanding Standing { get; init; }

    /// <summary>Whether the attempt tries a target whose circuit is open.</summary>
    public bool IsProbe { get; init; }
}
