using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.Intake;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Ledger;

/// <summary>
/// Checks an event a second time from what was kept of it, by the source as it is now and at the clock of its arrival; a genuine one is marked so, and may be released to
/// its destinations. What was genuine before stays so: a secret that has been rotated away says nothing against it.
/// </summary>
public sealed class EventCheck(
    Database database, Configuration configuration, EventStore events, SourceStore sources, Certificates certificates, RouteEvent route, EventIntake intake,
    DeliverySchedule schedule, PublicAddress address, TimeProvider clock)
{
    private const int MostTries = 5;

    /// <summary>Checks an event; null when it is not of the caller's workspace.</summary>
    public async Task<(Verdict Verdict, bool Released)?> Verify(Caller caller, HttpRequest http, string eventId, bool release)
    {
        for (var tries = 1; tries <= MostTries; tries++)
        {
            var version = configuration.Version;
            if (await events.Find(caller.WorkspaceNo, eventId) is not { } found || await events.FindRequest(found) is not { } kept
                || await database.Read(connection => sources.Load(connection, found.SourceNo)) is not { } view)
            {
                return null;
            }
            if (kept.Body is null)
            {
                return (Verdict.Unchecked("payload_expired", "The body has been erased, so the signature cannot be checked again."), false);
            }
            var (request, query) = RequestOf(http, view, found, kept, kept.Body);
            var verdict = view.Verifier.Verify(request, certificates.Find);
            if (verdict.Certificate is { } needed && await certificates.Fetch(view.Source.No, needed, view.Preset.Scheme.Certificate!))
            {
                verdict = view.Verifier.Verify(request, certificates.Find);
            }
            var received = new ReceivedEvent(view, version, eventId, request, query, found.SourceIp, verdict, EventFacts.Of(view.Preset, request));
            if (!verdict.IsVerified)
            {
                return (verdict, false);
            }
            if (await database.Write(session => Record(session, caller, received, release)) is { } recorded)
            {
                foreach (var target in recorded.Targets)
                {
                    schedule.WakeAt(target.No, clock.GetUtcNow());
                }
                return (recorded.Verdict, recorded.Targets.Count > 0);
            }
        }
        throw new StorageUnavailableException("The source is being changed faster than its event can be checked.");
    }

    /// <summary>Marks the event, and adds what is to be delivered; null when the source has changed meanwhile.</summary>
    private async Task<(Verdict Verdict, IReadOnlyList<DeliveryTarget> Targets)?> Record(WriteSession session, Caller caller, ReceivedEvent received, bool release)
    {
        await configuration.CatchUp(session);
        var source = received.View.Source;
        if (configuration.IsStale(source.Subject(), received.Version))
        {
            return null;
        }
        if (await EventStore.Find(session.Connection, caller.WorkspaceNo, received.EventId) is not { } found)
        {
            return (received.Verdict, []);
        }
        if ((await SignatureReuse.FindRefused(session, [(received, found.Seq)])).Count > 0)
        {
            return (SignatureReuse.Refuse(received.Verdict), []);
        }
        var same = received.MayRepeat ? await FirstUnder(session, received, received.DuplicateKey, found.Seq) : null;
        var first = same ?? (received.MarksReuse ? await FirstUnder(session, received, received.SignedKey!, found.Seq) : null);
        if (found.SignatureStatus is not SignatureStatus.Verified)
        {
            await EventStore.MarkVerified(session, found, received.Verdict.Coverage, first, received.SignedKey);
            await EventStore.CountVerified(session, intake.Slot, found);
            if (received.Facts.Type is { } type)
            {
                await EventStore.AddTypes(session, [(source.WorkspaceNo, type, source.No)]);
            }
        }
        if (!release || source.ArchivedAt is not null)
        {
            return (received.Verdict, []);
        }
        var targets = await route(session, new RoutedEvent(source, received.Request, received.Facts, received.Version));
        // What was tried already can be replayed; what another copy brought is not brought again.
        var reached = (await EventStore.TriedTargetsOf(session, found.Seq)).ToHashSet();
        if (!source.Settings.ForwardDuplicates && received.IsKnownById)
        {
            reached.UnionWith(await EventStore.TargetsOf(session, same ?? found.Seq));
        }
        IReadOnlyList<DeliveryTarget> missing = [.. targets.Where(target => !reached.Contains(target.No))];
        await DeliveryStore.Insert(session, missing.Select(target => new NewDelivery(found.Seq, target.No, DeliveryTrigger.Replay, clock.GetUtcNow(), target.Ordered)));
        return (received.Verdict, missing);
    }

    /// <summary>The event that has claimed a key before this one; null when none has.</summary>
    private static async Task<long?> FirstUnder(WriteSession session, ReceivedEvent received, byte[] claimed, long seq)
    {
        var key = new EventKey(received.View.Source.No, claimed, received.Trust, seq);
        await EventStore.ClaimKeys(session, [key]);
        var first = (await EventStore.FindKeys(session, [key])).Find(found => found.Trust == received.Trust)?.Seq;
        return first == seq ? null : first;
    }

    private (VendorRequest Request, string Query) RequestOf(HttpRequest http, SourceView view, VendorEvent found, EventRequest kept, byte[] body)
    {
        var (headers, query, url) = view.Seal.Join(found.EventId, kept.Headers, found.Query, kept.Sealed);
        var called = view.Source.Settings.PublicUrl ?? url ?? address.Of(http) + view.Source.IngestPath;
        return (new VendorRequest(found.Method, VendorRequest.UrlAsCalled(called, query), headers, body, found.ReceivedAt), query);
    }
}
