namespace Hookway.Deliveries;

/// <summary>
/// When a failed attempt is repeated: the delays of the settings, scaled so that the first is the target's <c>retryBackoffSeconds</c>,
/// the last one repeating, none over 24 h, ±20 % jitter; a receiver's <c>Retry-After</c> only ever delays.
/// </summary>
/// <param name="delays">The delay before the 2nd, 3rd … attempt; at least one, each above zero.</param>
public sealed class RetrySchedule(IReadOnlyList<TimeSpan> delays, Random random)
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    /// <summary>The delays used when the operator sets none.</summary>
    public static IReadOnlyList<TimeSpan> DefaultDelays { get; } =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2),
        TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(10),
    ];

    /// <summary>The wait after the given number of attempts in this run (1 or more).</summary>
    public TimeSpan DelayAfter(int runAttempts, int retryBackoffSeconds, TimeSpan? retryAfter)
    {
        var scale = retryBackoffSeconds / delays[0].TotalSeconds;
        var planned = delays[Math.Min(runAttempts, delays.Count) - 1] * scale;
        var jittered = planned * (1 - Jitter + (2 * Jitter * random.NextDouble()));
        var wait = retryAfter > jittered ? retryAfter.Value : jittered;
        return wait < Longest ? wait : Longest;
    }
}
