using System.Data.Common;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>
/// Reads the ledger behind a cursor, in the order of acceptance, and looks at each event once: for what is wrong with it, for what it begins to wait for and what it ends. What it finds and
/// how far it has come are written together, so a crash neither loses nor doubles a finding.
/// </summary>
public sealed class LedgerWatch(Database database, IssueStore issues, SourceStore sources, ILogger<LedgerWatch> log) : IWatcher
{
    private const int MostEvents = 200;

    /// <summary>Of bodies at once.</summary>
    private const long MostBytes = 4 << 20;

    /// <summary>What was received before this time, but for moments, has been looked at.</summary>
    public DateTimeOffset CaughtUpTo { get; private set; } = DateTimeOffset.MinValue;

    public async Task<bool> Step(DateTimeOffset now)
    {
        var settled = await database.Settled(EventStore.Counter, now);
        var (position, events, findings) = await database.Read(async connection =>
        {
            var from = await WatchedEventStore.Position(connection);
            var read = await WatchedEventStore.Read(connection, from, settled.Last, MostEvents);
            return (from, read, await Find(connection, read));
        });
        if (events.Count > 0)
        {
            await database.Write(async session =>
            {
                await Record(session, position, events[^1].Seq, findings, now);
                return 0;
            });
        }
        if (events.Count == MostEvents)
        {
            return true;
        }
        CaughtUpTo = settled.AsOf;
        return false;
    }

    private async Task<Findings> Find(DbConnection connection, IReadOnlyList<WatchedEvent> events)
    {
        var findings = new Findings();
        var views = new Dictionary<long, SourceView?>();
        var read = new List<(WatchedEvent Event, SourceView View)>();
        foreach (var watched in events)
        {
            if (!views.TryGetValue(watched.SourceNo, out var view))
            {
                views[watched.SourceNo] = view = await sources.Load(connection, watched.SourceNo);
            }
            if (view is null)
            {
                continue;
            }
            findings.Look(view, watched);
            if (watched is { IsGenuine: true, DuplicateOf: null } && FollowUp.MayConcern(view.Preset, watched.Type))
            {
                read.Add((watched, view));
            }
        }
        while (read.Count > 0)
        {
            var (bytes, some) = (0L, 0);
            while (some < read.Count && (some == 0 || bytes + read[some].Event.BodySize <= MostBytes))
            {
                bytes += read[some++].Event.BodySize;
            }
            await Read(connection, findings, read.GetRange(0, some));
            read.RemoveRange(0, some);
        }
        return findings;
    }

    /// <summary>Looks at what the rules of vendors ask of requests.</summary>
    private async Task Read(DbConnection connection, Findings findings, List<(WatchedEvent Event, SourceView View)> events)
    {
        var requests = await EventStore.FindRequests(connection, events.ConvertAll(item => item.Event.Seq));
        foreach (var (watched, view) in events)
        {
            try
            {
                if (requests.TryGetValue(watched.Seq, out var kept) && watched.Restore(view, kept) is { } request)
                {
                    await FollowUps(connection, findings, view, watched, request);
                    await Numbers(connection, findings, view, watched, request);
                }
            }
            catch (Exception e) when (e is not (StorageUnavailableException or DbException))
            {
                // The ledger must not come to a stand at an event that a rule cannot bear.
                log.LogError(e, "Event {Event} could not be looked at and is passed over", watched.EventId);
            }
        }
    }

    private static async Task FollowUps(DbConnection connection, Findings findings, SourceView view, WatchedEvent watched, VendorRequest request)
    {
        foreach (var found in FollowUp.Of(view.Preset, request))
        {
            if (!found.Begins)
            {
                findings.End(new ExpectationKey(watched.SourceNo, found.Rule.Name, found.Entity));
            }
            else if (!await HasCome(connection, view, watched, found))
            {
                var from = found.From is { } named && named > watched.ReceivedAt ? named : watched.ReceivedAt;
                var within = found.Rule.Within!.Value;
                var due = from - watched.ReceivedAt > Expectation.Longest - within ? watched.ReceivedAt + Expectation.Longest : from + within;
                findings.Begin(new Expectation(watched.SourceNo, found.Rule.Name, found.Entity, watched.Seq, watched.EventId, watched.Type, watched.ReceivedAt, due));
            }
        }
    }

    /// <summary>Whether what is waited for came a little earlier.</summary>
    private static async Task<bool> HasCome(DbConnection connection, SourceView view, WatchedEvent watched, FollowUp found)
    {
        const int MostLookedAt = 50;
        return found.Rule.LookBackMinutes > 0
            && (watched.HasEarlier || found.Entity != watched.EntityKey)
            && (await WatchedEventStore.EarlierTypes(
                connection, view.Source.WorkspaceNo, watched, found.Entity, watched.ReceivedAt - TimeSpan.FromMinutes(found.Rule.LookBackMinutes), MostLookedAt))
                .Any(type => FollowUp.Matches(found.Rule.Until, type));
    }

    private static async Task Numbers(DbConnection connection, Findings findings, SourceView view, WatchedEvent watched, VendorRequest request)
    {
        foreach (var number in NumberedEvent.Of(view.Preset, request))
        {
            if (!findings.Knows(watched.SourceNo, number))
            {
                findings.Learn(watched.SourceNo, number, await SequenceStore.Find(connection, watched.SourceNo, number.Rule.Name, number.Scope));
            }
            findings.Look(view, watched, number);
        }
    }

    private async Task Record(WriteSession session, long from, long to, Findings findings, DateTimeOffset now)
    {
        if (!await WatchedEventStore.Advance(session, from, to))
        {
            throw new OvertakenException();
        }
        var late = await ExpectationStore.Remove(session, findings.Ended);
        await ExpectationStore.Add(session, findings.Begun);
        await SequenceStore.Save(session, findings.Marks);
        await FeedRateStore.Count(session, findings.Hours);
        await issues.See(session, findings.Seen);
        if (late.Count > 0)
        {
            foreach (var cause in await ExpectationStore.Settled(session, late))
            {
                await IssueStore.End(session, findings.WorkspaceOf(cause), cause, "What was missing has come.", now);
            }
        }
    }
}
