using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Anomalies;

/// <summary>That the share of some events in others is not what it usually is.</summary>
/// <param name="Part">Of the last day.</param>
/// <param name="Whole">The same.</param>
/// <param name="Usual">The usual share, of 1.</param>
public sealed record FeedShare(long Part, long Whole, double Usual)
{
    private const int Window = 24;
    private const int ShortestHistory = 7 * 24;
    private const int FewestBefore = 200;
    private const double FewestExpected = 20;
    private const long FewestMore = 10;
    private const double Improbable = 1e-4;

    /// <summary>Where there was none before, as if there had been so many.</summary>
    private const double LeastUsual = 0.005;

    /// <summary>What is improbable still is no reason to wonder within a factor of this.</summary>
    private const double Factor = 2;

    /// <summary>What a rule finds unusual in the last whole day, against the weeks before; null when nothing, or too little is known.</summary>
    /// <param name="types">The events of each hour, by type.</param>
    public static FeedShare? At(IEnumerable<KeyValuePair<string, IReadOnlyDictionary<long, long>>> types, GapRule rule, DateTimeOffset now)
    {
        var end = FeedRate.HourOf(now);
        var (part, whole, partBefore, wholeBefore, first) = (0L, 0L, 0L, 0L, end);
        foreach (var (type, hours) in types)
        {
            var (isWhole, isPart) = (FollowUp.Matches(rule.After, type), FollowUp.Matches(rule.Until, type));
            foreach (var (hour, events) in isWhole || isPart ? hours : new Dictionary<long, long>())
            {
                if (hour >= end)
                {
                    continue;
                }
                first = Math.Min(first, hour);
                var isNow = hour >= end - Window;
                part += isPart && isNow ? events : 0;
                whole += isWhole && isNow ? events : 0;
                partBefore += isPart && !isNow ? events : 0;
                wholeBefore += isWhole && !isNow ? events : 0;
            }
        }
        if (end - first < ShortestHistory || wholeBefore < FewestBefore)
        {
            return null;
        }
        var usual = (double)partBefore / wholeBefore;
        var expected = whole * (rule.IsRise ? Math.Max(usual, LeastUsual) : usual);
        var isUnusual = rule.IsRise
            ? part > expected * Factor && part - expected >= FewestMore && 1 - FeedRate.AtMost(part - 1, expected) < Improbable
            : expected >= FewestExpected && part < expected / Factor && FeedRate.AtMost(part, expected) < Improbable;
        return isUnusual ? new FeedShare(part, whole, usual) : null;
    }
}
