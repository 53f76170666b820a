namespace Hookway.Ingest.Anomalies;

/// <summary>That a feed is quieter than usual.</summary>
/// <param name="During">For how long.</param>
/// <param name="Events">What came in that time.</param>
/// <param name="Expected">What usually comes; null where nothing has come for longer than ever.</param>
public sealed record FeedSilence(TimeSpan During, long Events, double? Expected);

/// <summary>What is usual of a feed, by the hours of the weeks before.</summary>
/// <param name="events">The events of each hour, of those in which some came.</param>
public sealed class FeedRate(IReadOnlyDictionary<long, long> events)
{
    private const int HoursOfWeek = 7 * 24;
    private const int MostWeeks = 4;
    private const int FewestWeeks = 2;
    private const double FewestExpected = 20;
    private const double Improbable = 1e-4;

    /// <summary>How much of what is usual is still no reason to wonder, however improbable: traffic comes in bursts.</summary>
    private const double StillUsual = 0.5;

    private const int GapFactor = 5;
    private const int HoursThatAreLately = 24;
    private static readonly int[] Windows = [1, 3, 6, 12, 24];

    /// <summary>How many hours are looked at.</summary>
    public const int Hours = (MostWeeks * HoursOfWeek) + 24;

    /// <summary>The number of the hour in which a time lies, from 1970.</summary>
    public static long HourOf(DateTimeOffset time) => (long)Math.Floor((time - DateTimeOffset.UnixEpoch).TotalHours);

    /// <summary>Whether the feed is quieter than usual now; null when it is not, or too little is known of it.</summary>
    /// <param name="shortest">A shorter pause is no silence.</param>
    public FeedSilence? At(DateTimeOffset now, TimeSpan shortest)
    {
        var hours = events.Where(hour => hour.Value > 0).Select(hour => hour.Key).Order().ToList();
        if (hours.Count == 0 || HourOf(now) - hours[0] < HoursOfWeek || events.Values.Sum() < FewestExpected)
        {
            return null;
        }
        var quiet = now - DateTimeOffset.UnixEpoch - TimeSpan.FromHours(hours[^1] + 1);
        var longest = TimeSpan.FromHours(hours.Zip(hours.Skip(1), (earlier, later) => later - earlier).DefaultIfEmpty(0).Max());
        return quiet > shortest && quiet > longest * GapFactor ? new FeedSilence(quiet, 0, null) : BelowUsual(HourOf(now), hours[0]);
    }

    /// <summary>Whether far fewer come than in the same hours of the weeks before, whatever pauses there are.</summary>
    public FeedSilence? FewAt(DateTimeOffset now)
    {
        var hours = events.Where(hour => hour.Value > 0).Select(hour => hour.Key).ToList();
        return hours.Count == 0 ? null : BelowUsual(HourOf(now), hours.Min());
    }

    /// <summary>Whether anything has come lately: what has been forgotten by now is no sign of life.</summary>
    public bool ComesAt(DateTimeOffset now) => events.Any(hour => hour.Value > 0 && HourOf(now) - hour.Key <= HoursThatAreLately);

    private FeedSilence? BelowUsual(long thisHour, long firstHour)
    {
        foreach (var window in Windows)
        {
            var earlier = Enumerable.Range(1, MostWeeks).Select(week => thisHour - window - (week * HoursOfWeek)).Where(start => start >= firstHour).Select(start => Sum(start, window)).ToList();
            if (earlier.Count < FewestWeeks)
            {
                return null;
            }
            var expected = earlier.Average();
            if (expected >= FewestExpected)
            {
                var seen = Sum(thisHour - window, window);
                return seen < expected * StillUsual && seen < earlier.Min() && AtMost(seen, expected) < Improbable ? new FeedSilence(TimeSpan.FromHours(window), seen, expected) : null;
            }
        }
        return null;
    }

    private long Sum(long start, int hours)
    {
        var sum = 0L;
        for (var hour = start; hour < start + hours; hour++)
        {
            sum += events.GetValueOrDefault(hour);
        }
        return sum;
    }

    /// <summary>How probable it is that so many come at most, where so many are usual (Poisson).</summary>
    public static double AtMost(long count, double usual)
    {
        // The last term and those before it, each by what it is of the next: no power or factorial is ever made.
        var term = Math.Exp((count * Math.Log(usual)) - usual - LogFactorial(count));
        var sum = term;
        for (var i = count; i > 0 && term > sum * 1e-12; i--)
        {
            term *= i / usual;
            sum += term;
        }
        return Math.Min(sum, 1);
    }

    private static double LogFactorial(long n)
    {
        if (n < 20)
        {
            var log = 0.0;
            for (var i = 2; i <= n; i++)
            {
                log += Math.Log(i);
            }
            return log;
        }
        return (n * Math.Log(n)) - n + (0.5 * Math.Log(2 * Math.PI * n)) + (1.0 / (12 * n));
    }
}
