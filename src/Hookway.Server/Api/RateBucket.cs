namespace Hookway.Api;

/// <summary>A bucket of requests that fills evenly, as one number: the time at which it will be full again.</summary>
/// <param name="size">How many it holds, which is how many fit into one period.</param>
/// <param name="ticksPerPeriod">The period, in ticks of the clock.</param>
public sealed class RateBucket(long size, long ticksPerPeriod)
{
    private readonly long _ticksPerRequest = Math.Max(1, ticksPerPeriod / size);
    private long _fullAt = long.MinValue;

    public long Size => size;

    /// <summary>How many requests are left after this one; -1 when there was none left for it.</summary>
    public long Take(long now, out long untilFull)
    {
        while (true)
        {
            var fullAt = Volatile.Read(ref _fullAt);
            var after = Math.Max(fullAt, now) + _ticksPerRequest;
            untilFull = after - now;
            if (untilFull > size * _ticksPerRequest)
            {
                untilFull -= _ticksPerRequest;
                return -1;
            }
            if (Interlocked.CompareExchange(ref _fullAt, after, fullAt) == fullAt)
            {
                return ((size * _ticksPerRequest) - untilFull) / _ticksPerRequest;
            }
        }
    }
}
