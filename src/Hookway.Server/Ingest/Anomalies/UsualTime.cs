namespace Hookway.Ingest.Anomalies;

/// <summary>How long something usually takes, from counts by steps of a fifth: no time is kept by itself.</summary>
public static class UsualTime
{
    /// <summary>So many steps double a time.</summary>
    private const int StepsPerDouble = 4;

    /// <summary>How many days are looked at.</summary>
    public const int Days = 14;

    /// <summary>How many days longer counts are kept than those of hours.</summary>
    public const int KeptDays = 60;

    private const int FewestDays = 3;
    private const int FewestOfDay = 20;

    /// <summary>The number of the day in which a time lies, from 1970.</summary>
    public static long DayOf(DateTimeOffset time) => (long)Math.Floor((time - DateTimeOffset.UnixEpoch).TotalDays);

    /// <summary>The step that a time lies in; what took less than a second lies in the first.</summary>
    public static long StepOf(TimeSpan time) => time <= TimeSpan.FromSeconds(1) ? 0 : (long)Math.Ceiling(Math.Log2(time.TotalSeconds) * StepsPerDouble);

    /// <summary>The longest time of a step.</summary>
    public static TimeSpan Longest(long step) => TimeSpan.FromSeconds(Math.Pow(2, (double)step / StepsPerDouble));

    /// <summary>
    /// What a share of all takes at most, on a usual day: the median of the days, so that one bad day among them changes nothing. Null when too little is known.
    /// </summary>
    public static TimeSpan? OfDays(IEnumerable<TimeCount> counts, double share)
    {
        var days = counts.GroupBy(count => count.Day).Select(day => day.OrderBy(count => count.Step).ToList())
            .Where(day => day.Sum(count => count.Times) >= FewestOfDay).Select(day => Quantile(day, share)).Order().ToList();
        return days.Count < FewestDays ? null : Longest(days[days.Count / 2]);
    }

    /// <summary>The same of all that is known, for what is seldom; null when it is less than so often.</summary>
    public static TimeSpan? OfAll(IEnumerable<TimeCount> counts, double share, int fewest)
    {
        var steps = counts.GroupBy(count => count.Step).Select(step => new TimeCount(0, step.Key, step.Sum(count => count.Times))).OrderBy(count => count.Step).ToList();
        return steps.Sum(count => count.Times) < fewest ? null : Longest(Quantile(steps, share));
    }

    private static long Quantile(List<TimeCount> steps, double share)
    {
        var wanted = (long)Math.Ceiling(steps.Sum(count => count.Times) * share);
        var sum = 0L;
        foreach (var count in steps)
        {
            sum += count.Times;
            if (sum >= wanted)
            {
                return count.Step;
            }
        }
        return steps[^1].Step;
    }
}

/// <summary>How often something took a time of a step, on a day.</summary>
public readonly record struct TimeCount(long Day, long Step, long Times);
