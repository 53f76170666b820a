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

    private readonly UsualTimes _usual = new();
    private readonly KnownShapes _shapes = new();

    /// <summary>What was received before this time, but for moments, has been looked at.</summary>
    public DateTimeOffset CaughtUpTo { get; private set; } = DateTimeOffset.MinValue;

    public async Task<bool> Step(DateTimeOffset now)
    {
        var settled = await database.Settled(EventStore.Counter, now);
        var (position, events, again, findings) = await database.Read(async connection =>
        {
            var from = await WatchedEventStore.Position(connection);
            _shapes.Begin(from);
            var seen = (await WatchedEventStore.ReadAgain(connection, from, MostEvents)).ConvertAll(watched => watched with { IsSeenAgain = true });
            var read = await WatchedEventStore.Read(connection, from, settled.Last, MostEvents);
            return (from, read, seen, await Find(connection, [.. seen, .. read], now));
        });
        if (events.Count + again.Count > 0)
        {
            await database.Write(async session =>
            {
                // What was read as forged and has been found to be genuine since is looked at again.
                await WatchedEventStore.Seen(session, again.Concat(events.Where(watched => watched.IsGenuine)).Select(watched => watched.Seq));
                await Record(session, position, events.Count > 0 ? events[^1].Seq : position, findings, now);
                return 0;
            });
        }
        _shapes.End(events.Count > 0 ? events[^1].Seq : position, findings.Shapes.Values);
        if (events.Count == MostEvents || again.Count == MostEvents)
        {
            return true;
        }
        CaughtUpTo = settled.AsOf;
        return false;
    }

    private async Task<Findings> Find(DbConnection connection, IReadOnlyList<WatchedEvent> events, DateTimeOffset now)
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
            findings.Look(view, watched, watched.OccurredAt is null ? null : await _usual.Delay(connection, watched.SourceNo, now));
            var isSample = await IsSample(connection, findings, view.Source, watched);
            if (watched.IsGenuine && (isSample || view.Preset.Retry is not null || (watched.DuplicateOf is null && FollowUp.MayConcern(view.Preset, watched.Type))))
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
            await Read(connection, findings, read.GetRange(0, some), now);
            read.RemoveRange(0, some);
        }
        findings.Seen.AddRange(await findings.Tallies.Weigh(connection));
        foreach (var (view, last) in findings.Forged.Values)
        {
            if (await SecretChange.Find(connection, view.Source, last) is { } changed)
            {
                findings.Seen.Add(changed);
            }
        }
        return findings;
    }

    /// <summary>Looks at what the rules of vendors ask of requests.</summary>
    private async Task Read(DbConnection connection, Findings findings, List<(WatchedEvent Event, SourceView View)> events, DateTimeOffset now)
    {
        var requests = await EventStore.FindRequests(connection, events.ConvertAll(item => item.Event.Seq));
        foreach (var (watched, view) in events)
        {
            try
            {
                if (requests.TryGetValue(watched.Seq, out var kept) && watched.Restore(view, kept) is { } request)
                {
                    findings.Retried(view.Source, watched, view.Preset.Retry?.Of(request) ?? 0);
                    if (watched.DuplicateOf is null)
                    {
                        await FollowUps(connection, findings, view, watched, request, now);
                        await Numbers(connection, findings, view, watched, request);
                        await Shape(connection, findings, view, watched, request);
                    }
                }
            }
            catch (Exception e) when (e is not (StorageUnavailableException or DbException))
            {
                // The ledger must not come to a stand at an event that a rule cannot bear.
                log.LogError(e, "Event {Event} could not be looked at and is passed over", watched.EventId);
            }
        }
    }

    /// <summary>Counts an event of its type; whether its shape is to be looked at, which is so of few.</summary>
    private async ValueTask<bool> IsSample(DbConnection connection, Findings findings, Source source, WatchedEvent watched)
    {
        if (watched is not { IsGenuine: true, DuplicateOf: null, Type: { } type })
        {
            return false;
        }
        var known = await _shapes.Of(connection, source.No);
        if (!known.TryGetValue(type, out var shape) && !findings.Shapes.TryGetValue((source.No, type), out shape))
        {
            if (known.Count + findings.Shapes.Values.Count(found => found.SourceNo == source.No && !known.ContainsKey(found.Type)) >= KnownShapes.MostTypes)
            {
                return false;
            }
            shape = findings.NewType(source, watched, [.. known.Values]);
        }
        findings.Tallies.CameOf(source.No, type, watched.ReceivedAt);
        return shape.WantsMore(watched.ReceivedAt) && !findings.Samples.Values.Any(sample => sample.SourceNo == source.No && sample.Type == type) && findings.Samples.TryAdd(watched.Seq, shape);
    }

    private static async Task Shape(DbConnection connection, Findings findings, SourceView view, WatchedEvent watched, VendorRequest request)
    {
        if (findings.Samples.TryGetValue(watched.Seq, out var known))
        {
            findings.Look(view, watched, request, await TypeShapeStore.Load(connection, known));
        }
    }

    private async Task FollowUps(DbConnection connection, Findings findings, SourceView view, WatchedEvent watched, VendorRequest request, DateTimeOffset now)
    {
        foreach (var found in FollowUp.Of(view.Preset, request))
        {
            var key = new ExpectationKey(watched.SourceNo, found.Rule.Name, found.Entity);
            if (!found.Begins)
            {
                findings.End(key, watched.ReceivedAt, found.Rule.UsualShare is not null);
                if (found.Rule.IsHabit)
                {
                    findings.SeeHabit(key, watched.ReceivedAt);
                }
            }
            else if (Expectation.TimeUp(watched.ReceivedAt, found.From, await _usual.Wait(connection, watched.SourceNo, found.Rule, now)) is { } due && !await HasCome(connection, findings, view, watched, found))
            {
                findings.Begin(new Expectation(watched.SourceNo, found.Rule.Name, found.Entity, watched.Seq, watched.EventId, watched.Type, watched.ReceivedAt, due));
            }
        }
    }

    /// <summary>Whether what is waited for came a little earlier, or never comes.</summary>
    private static async Task<bool> HasCome(DbConnection connection, Findings findings, SourceView view, WatchedEvent watched, FollowUp found)
    {
        const int MostLookedAt = 50;
        if (found.Rule.IsHabit)
        {
            var key = new ExpectationKey(watched.SourceNo, found.Rule.Name, found.Entity);
            var last = findings.HabitSeenAt(key) ?? await SequenceStore.SeenAt(connection, key.SourceNo, key.Rule, key.Entity);
            return last is null || watched.ReceivedAt - last < TimeSpan.FromMinutes(found.Rule.LookBackMinutes);
        }
        return (found.Rule.LookBackMinutes > 0 || watched.IsSeenAgain)
            && (watched.HasEarlier || watched.IsSeenAgain || found.Entity != watched.EntityKey)
            && (await WatchedEventStore.EarlierTypes(
                connection, view.Source.WorkspaceNo, watched, found.Entity, watched.ReceivedAt - TimeSpan.FromMinutes(found.Rule.LookBackMinutes), MostLookedAt, watched.IsSeenAgain))
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
        var ended = await ExpectationStore.Remove(session, findings.Ended);
        var late = ended.Select(wait => wait.Cause).OfType<string>().Distinct().ToList();
        await ExpectationStore.Add(session, findings.Begun);
        await SequenceStore.Save(session, findings.Marks);
        await FeedRateStore.Count(session, findings.Tallies.Hours);
        await FeedRateStore.CountTypes(session, findings.Tallies.Types);
        await UsualTimeStore.Count(session, findings.TimesWith(ended));
        await TypeShapeStore.Save(session, [.. findings.Shapes.Values.OrderBy(shape => shape.SourceNo).ThenBy(shape => shape.Type, StringComparer.Ordinal)]);
        await issues.See(session, findings.Seen);
        foreach (var cause in findings.Over)
        {
            await IssueStore.End(session, findings.WorkspaceOf(cause), cause, "It is there again.", now);
        }
        if (late.Count > 0)
        {
            foreach (var cause in await ExpectationStore.Settled(session, late))
            {
                await IssueStore.End(session, findings.WorkspaceOf(cause), cause, "What was missing has come.", now);
            }
        }
    }
}
