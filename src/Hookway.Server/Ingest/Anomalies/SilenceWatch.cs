using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Looks every few minutes whether sources send as much as they usually do, a few sources at a time.</summary>
public sealed class SilenceWatch(Database database, Configuration configuration, IssueStore issues, SourceStore sources, LedgerWatch ledger) : IWatcher
{
    private const int MostAtOnce = 20;
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MayBeBehind = TimeSpan.FromMinutes(1);

    private DateTimeOffset _next;
    private long _after;

    public async Task<bool> Step(DateTimeOffset now)
    {
        if ((now < _next && _next - now <= Every) || now - ledger.CaughtUpTo > MayBeBehind)
        {
            return false;
        }
        var since = FeedRate.HourOf(now) - FeedRate.Hours;
        var (round, live) = await database.Read(async connection =>
        {
            var found = await FeedRateStore.Read(connection, _after, since, MostAtOnce);
            return (found, await IssueStore.FindLive(connection, [.. found.Select(source => (source.WorkspaceNo, AnomalyCause.Of(IssueKind.Silence, source.SourceNo)))]));
        });
        await configuration.CatchUp();
        var (seen, usual) = (new List<Sighting>(), new List<(long No, string Why)>());
        foreach (var feed in round)
        {
            if (await sources.Receiving(feed.SourceId) is not { Source: { ArchivedAt: null } source } || source.Settings.Expectations.TimeOf(CommonRule.Silence) is not { } shortest)
            {
                continue;
            }
            var rate = new FeedRate(feed.Events);
            var known = live.Find(issue => issue.Cause == AnomalyCause.Of(IssueKind.Silence, feed.SourceNo));
            if (rate.At(now, shortest) is not { } silence)
            {
                usual.AddRange(known is { Status: not IssueStatus.Ignored } && rate.ComesAt(now) ? [(known.No, "Events come as usual.")] : []);
            }
            else if (known is null)
            {
                seen.Add(Anomaly.Silence(source, silence, now));
            }
        }
        if (round.Exists(source => source.Events.Count > 0))
        {
            await database.Write(async session =>
            {
                await issues.See(session, seen);
                await IssueStore.End(session, usual, now);
                await FeedRateStore.Forget(session, round.Select(source => source.SourceNo), since);
                return 0;
            });
        }
        (_after, _next) = round.Count == MostAtOnce ? (round[^1].SourceNo, _next) : (0, now + Every);
        return round.Count == MostAtOnce;
    }
}
