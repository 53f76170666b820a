using System.Data.Common;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Anomalies;

/// <summary>What sources usually take, remembered for a while.</summary>
internal sealed class UsualTimes
{
    private const double ShareOfDelays = 0.99;
    private const int FewestFollowUps = 50;
    private const int MostRemembered = 10_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ShortestFollowUp = TimeSpan.FromDays(1);

    private readonly Dictionary<(long SourceNo, string Rule), (TimeSpan? Usual, DateTimeOffset At)> _known = [];

    /// <summary>After how long the events of a source come at most; null when too little is known.</summary>
    public ValueTask<TimeSpan?> Delay(DbConnection connection, long sourceNo, DateTimeOffset now) =>
        Of(connection, sourceNo, CommonRule.Late.Name, UsualTime.Days, now, counts => UsualTime.OfDays(counts, ShareOfDelays));

    /// <summary>How long a rule waits: what is usual of the source, where the rule goes by that and enough is known, but a day at least; else its own time.</summary>
    public async ValueTask<TimeSpan> Wait(DbConnection connection, long sourceNo, GapRule rule, DateTimeOffset now)
    {
        var usual = rule is { UsualShare: { } share, OwnTime: null }
            ? await Of(connection, sourceNo, rule.Name, UsualTime.KeptDays, now, counts => UsualTime.OfAll(counts, share, FewestFollowUps)) : null;
        return usual is { } known ? known > ShortestFollowUp ? known : ShortestFollowUp : rule.Within!.Value;
    }

    private async ValueTask<TimeSpan?> Of(DbConnection connection, long sourceNo, string rule, int days, DateTimeOffset now, Func<IEnumerable<TimeCount>, TimeSpan?> judge)
    {
        var key = (sourceNo, rule);
        if (_known.TryGetValue(key, out var known) && now - known.At < Fresh && now >= known.At)
        {
            return known.Usual;
        }
        var usual = judge(await UsualTimeStore.Read(connection, sourceNo, rule, UsualTime.DayOf(now) - days));
        if (_known.Count >= MostRemembered)
        {
            _known.Clear();
        }
        _known[key] = (usual, now);
        return usual;
    }
}
