using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Looks every few minutes whether sources send as much as they usually do, and once an hour whether each type comes as often as usual; a few sources at a time.</summary>
public sealed class SilenceWatch(Database database, Configuration configuration, IssueStore issues, SourceStore sources, LedgerWatch ledger) : IWatcher
{
    private const int MostAtOnce = 20;

    /// <summary>Of types of a source in one look; the rest is found by the next.</summary>
    private const int MostTypes = 20;

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MayBeBehind = TimeSpan.FromMinutes(1);

    private DateTimeOffset _next;
    private long _after;

    /// <summary>The hour in which types were looked at last, and whether this round looks at them.</summary>
    private long _typesHour;
    private bool _withTypes;

    public async Task<bool> Step(DateTimeOffset now)
    {
        if ((now < _next && _next - now <= Every) || now - ledger.CaughtUpTo > MayBeBehind)
        {
            return false;
        }
        _withTypes = _after == 0 ? FeedRate.HourOf(now) != _typesHour : _withTypes;
        var since = FeedRate.HourOf(now) - FeedRate.Hours;
        var round = await database.Read(async connection =>
        {
            var found = new List<Feed>();
            foreach (var (no, id, workspaceNo, events) in await FeedRateStore.Read(connection, _after, since, MostAtOnce))
            {
                found.Add(new Feed(
                    no, id, new FeedRate(events), events.Count == 0, await IssueStore.FindLive(connection, workspaceNo, AnomalyCause.Of(IssueKind.Silence, no)), null,
                    _withTypes ? await IssueStore.FindLive(connection, workspaceNo, AnomalyCause.Of(IssueKind.UnusualRate, no)) : [], await WatchedEventStore.LastType(connection, no)));
            }
            return found;
        });
        await configuration.CatchUp();
        var (seen, over) = (new List<Sighting>(), new List<(long No, string Why)>());
        foreach (var found in round)
        {
            if (await sources.Receiving(found.SourceId) is not { Source.ArchivedAt: null } view)
            {
                continue;
            }
            // One source at a time: it may be much.
            var feed = _withTypes ? found with { Types = await database.Read(connection => FeedRateStore.Types(connection, found.No, since)) } : found;
            if (view.Source.Settings.Expectations.TimeOf(CommonRule.Silence) is { } shortest)
            {
                Judge(feed, view, shortest, now, seen, over);
            }
            JudgeShares(feed, view, now, seen, over);
        }
        if (_withTypes || round.Exists(feed => !feed.IsEmpty))
        {
            await database.Write(async session =>
            {
                await issues.See(session, seen);
                await IssueStore.End(session, over, now);
                await FeedRateStore.Forget(session, round.Select(feed => feed.No), since, _withTypes);
                return 0;
            });
        }
        var isLast = round.Count < MostAtOnce;
        (_after, _next, _typesHour) = isLast ? (0, now + Every, FeedRate.HourOf(now)) : (round[^1].No, _next, _typesHour);
        return !isLast;
    }

    private static void Judge(Feed feed, SourceView view, TimeSpan shortest, DateTimeOffset now, List<Sighting> seen, List<(long No, string Why)> over)
    {
        var whole = AnomalyCause.Of(IssueKind.Silence, feed.No);
        var known = feed.Live.Where(issue => issue.Cause == whole || issue.Cause.StartsWith(whole + ":", StringComparison.Ordinal)).ToDictionary(issue => issue.Cause, StringComparer.Ordinal);
        if (feed.LastType is { } last && FollowUp.Matches(view.Preset.Ends, last))
        {
            over.AddRange(known.Values.Where(issue => issue.Status is not IssueStatus.Ignored).Select(issue => (issue.No, $"The vendor has ended the feed: {last}.")));
            return;
        }
        var isKnown = known.TryGetValue(whole, out var silent);
        if (feed.Rate.At(now, shortest) is { } silence)
        {
            seen.AddRange(isKnown ? [] : [Anomaly.Silence(view.Source, silence, now)]);
            return;
        }
        over.AddRange(silent is { Status: not IssueStatus.Ignored } && feed.Rate.ComesAt(now) ? [(silent.No, "Events come as usual.")] : []);
        if (feed.Types is null)
        {
            return;
        }
        foreach (var (type, hours) in feed.Types)
        {
            var rate = new FeedRate(hours);
            var of = known.GetValueOrDefault($"{whole}:{type}");
            if (rate.FewAt(now) is not { } few)
            {
                over.AddRange(of is { Status: not IssueStatus.Ignored } && rate.ComesAt(now) ? [(of.No, "Events of this type come as usual.")] : []);
            }
            else if (of is null && !isKnown && seen.Count(item => item.About.SourceNo == feed.No) < MostTypes)
            {
                seen.Add(Anomaly.SilenceOf(view.Source, type, few, now));
            }
        }
    }

    private static void JudgeShares(Feed feed, SourceView view, DateTimeOffset now, List<Sighting> seen, List<(long No, string Why)> over)
    {
        foreach (var rule in feed.Types is null ? [] : view.Preset.Rules.Where(rule => rule.Kind is GapRuleKind.Share))
        {
            var known = feed.LiveShares.Find(issue => issue.Cause == AnomalyCause.Of(IssueKind.UnusualRate, feed.No, rule.Name));
            if (FeedShare.At(feed.Types!, rule, now) is not { } share)
            {
                over.AddRange(known is { Status: not IssueStatus.Ignored } ? [(known.No, "The share is as usual.")] : []);
            }
            else if (known is null)
            {
                seen.Add(Anomaly.UnusualShare(view.Source, rule, share, now));
            }
        }
    }

    /// <summary>What is known of what a source sends.</summary>
    /// <param name="Live">Issues about its silence, and maybe of others whose causes begin alike.</param>
    /// <param name="Types">What it sends of each type; null when that is not looked at.</param>
    private sealed record Feed(
        long No, string SourceId, FeedRate Rate, bool IsEmpty, List<LiveIssue> Live, IReadOnlyDictionary<string, IReadOnlyDictionary<long, long>>? Types, List<LiveIssue> LiveShares, string? LastType);
}
