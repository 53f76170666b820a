using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Replays;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>
/// Forwards an event again: its deliveries are reopened as a new run with a fresh retry budget. For one destination it also makes the delivery that was missing; an event
/// that went nowhere goes where it would go now. What is still pending becomes due now and is not doubled.
/// </summary>
public sealed class EventReplay(Database database, EventStore events, DestinationStore destinations, DestinationMatch match, DeliverySchedule schedule, IdGenerator ids, TimeProvider clock)
{
    /// <param name="destinationId">Only to this destination; null for all that the event went to and that are in service.</param>
    public async Task<IResult> Replay(Caller caller, VendorEvent found, string? destinationId)
    {
        if (found.SignatureStatus is SignatureStatus.Failed)
        {
            return Problem.BadRequest("signature_failed", "The event's signature is wrong, so it is never forwarded; correct the source's secret and verify the event again.");
        }
        if (await events.FindRequest(found) is not { Body: not null })
        {
            return Problem.BadRequest("payload_expired", "The event's body has been erased; there is nothing left to forward.");
        }
        var wanted = destinationId is null ? await match.Of(caller.WorkspaceNo, found.SourceNo, found.Seq) : [];
        var (replay, reopened, problem) = await database.Write(session => Reopen(session, caller, found, destinationId, wanted));
        if (problem is not null)
        {
            return problem;
        }
        reopened!.TellOf(schedule, clock.GetUtcNow());
        return TypedResults.Accepted($"/api/v1/replays/{replay!.ReplayId}", ReplayResource.Of(replay));
    }

    private async Task<(Replay? Replay, Reopened? Reopened, Problem? Problem)> Reopen(
        WriteSession session, Caller caller, VendorEvent found, string? destinationId, IReadOnlyList<Destination> matching)
    {
        var wanted = new List<Destination>();
        if (destinationId is not null)
        {
            if (await destinations.Find(session.Connection, caller.WorkspaceNo, destinationId) is not { } one || one.SourceNo != found.SourceNo)
            {
                return (null, null, Problem.NotFound("destination"));
            }
            wanted.Add(one);
        }
        else
        {
            var existing = (await DeliveryStore.OfMessages(session.Connection, [found.Seq]))[found.Seq].Select(delivery => delivery.TargetNo).ToList();
            foreach (var no in existing.Count > 0 ? existing : matching.Select(destination => destination.No))
            {
                if (await destinations.Load(session.Connection, no) is { } destination)
                {
                    wanted.Add(destination);
                }
            }
            if (wanted.Count > 0 && wanted.TrueForAll(destination => destination.DeletedAt is not null))
            {
                return (null, null, Problem.NotFound("destination"));
            }
        }
        var inService = wanted.Where(destination => destination.Ended is null).ToList();
        if (wanted.Count > 0 && inService.Count == 0)
        {
            return (null, null, EventReplays.DestinationDisabled());
        }
        var now = clock.GetUtcNow();
        var id = ids.New(IdPrefix.Replay);
        var sourceId = wanted.Count > 0 ? wanted[0].SourceId : "";
        var filter = JsonSerializer.Serialize(new { found.EventId, DestinationId = destinationId }, ApiJson.Options);
        var replay = new NewReplay(caller.WorkspaceNo, id, ReplayKind.Event, filter, sourceId, destinationId, null, null, 0, 0);
        var replayNo = await ReplayStore.InsertQueued(session, replay, inService.Count, now);
        var items = inService.Select(destination => new ReplayItem(found.Seq, destination.No, ReplayWish.ThisOne, now)).ToList();
        var reopened = await ReplayedDeliveries.Open(session, items, replayNo, EventStore.Counter, now);
        await ReplayProgress.Settle(session, replayNo, now);
        return (await ReplayStore.Find(session.Connection, new ReplayScope(caller.WorkspaceNo), id), reopened, null);
    }
}
