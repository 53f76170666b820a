namespace Hookway.Hosting.Demo;

/// <summary>
/// The clock of a demo that is new: it is behind, and catches up in steps between which the demo's traffic goes on, so that an hour is lived through in seconds and the
/// charts have something to show. What is measured takes as long as it takes, and once it has caught up it is the system's.
/// </summary>
/// <param name="behind">How far it is behind at first.</param>
public sealed class DemoClock(TimeSpan behind) : TimeProvider
{
    private long _behind = behind.Ticks;

    /// <summary>How far it is behind still.</summary>
    public TimeSpan Behind => TimeSpan.FromTicks(Interlocked.Read(ref _behind));

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() - Behind;

    /// <summary>Goes on by this much, but never past the system's time.</summary>
    public void CatchUp(TimeSpan step) => Interlocked.Exchange(ref _behind, Math.Max(0, (Behind - step).Ticks));
}
