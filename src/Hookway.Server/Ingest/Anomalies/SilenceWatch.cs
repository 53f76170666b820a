using Hookway.Ingest.Sources;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Looks every few minutes whether sources send as much as they usually do, a few sources at a time.</summary>
public sealed class SilenceWatch(Database database, IssueStore issues, SourceStore sources, LedgerWatch ledger) : IWatcher
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
        var (round, seen, usual) = await database.Read(async connection =>
        {
            var found = await FeedRateStore.Read(connection, _after, since, MostAtOnce);
            var live = await IssueStore.FindLive(connection, [.. found.Select(source => (source.WorkspaceNo, AnomalyCause.Of(IssueKind.Silence, source.SourceNo)))]);
            var (quiet, over) = (new List<Sighting>(), new List<(long No, string Why)>());
            foreach (var (no, _, events) in found)
            {
                var known = live.Find(issue => issue.Cause == AnomalyCause.Of(IssueKind.Silence, no));
                if (new FeedRate(events).At(now) is not { } silence)
                {
                    over.AddRange(known is { Status: not IssueStatus.Ignored } && new FeedRate(events).ComesAt(now) ? [(known.No, "Events come as usual.")] : []);
                }
                else if (known is null && await sources.Load(connection, no) is { } view)
                {
                    quiet.Add(Anomaly.Silence(view.Source, silence, now));
                }
            }
            return (found, quiet, over);
        });
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
