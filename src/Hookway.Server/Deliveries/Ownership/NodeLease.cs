namespace Hookway.Deliveries.Ownership;

/// <summary>
/// One node's time, under a number that is its alone. The store decides when it is over; the node itself stops a little earlier, by its own clock, so that it sends nothing
/// when another may have its targets already.
/// </summary>
/// <param name="lease">How long it lasts after it was renewed.</param>
/// <param name="since">A timestamp from before the store was asked.</param>
internal sealed class NodeLease(long no, TimeSpan lease, TimeProvider clock, long since)
{
    private const double SafeShare = 0.9;

    private long _renewedAt = since;

    public long No { get; } = no;

    public bool IsHeld => Age < lease * SafeShare;

    /// <summary>Since it was last renewed.</summary>
    public TimeSpan Age => clock.GetElapsedTime(Volatile.Read(ref _renewedAt));

    public void Renewed(long since) => Volatile.Write(ref _renewedAt, since);
}
