namespace Hookway.Tests.Support;

/// <summary>The system's clock, with another time on its face: timers run as ever, and days can be skipped.</summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _shift;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _shift));

    public void Skip(TimeSpan time) => Interlocked.Add(ref _shift, time.Ticks);
}
