using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Deliveries.Replays;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Replays;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>
/// Forwards again what matches a filter: walks events oldest first, and asks of each of their deliveries whether it is wanted. An event whose signature is wrong is passed over.
/// </summary>
public sealed class EventReplays(
    DestinationStore destinations, DestinationMatch match, SourceStore sources, ReplayableEvents replayable, EventDeliveries targets, ReplayRuns runs, IdGenerator ids,
    TimeProvider clock) : IReplaySource
{
    private const int RowsPerRead = 500;
    private const int ReadsPerStep = 10;
    private const int DryRunStep = 10_000;
    private static readonly TimeSpan MostDryRun = TimeSpan.FromSeconds(5);

    public string Kind => ReplayKind.Events;

    public string Counter => EventStore.Counter;

    public IDeliverySource Targets => targets;

    public static Problem DestinationDisabled() => Problem.BadRequest("endpoint_disabled", "The destination is disabled; enable it first.");

    /// <summary>Begins a replay, 202 once it is durable; or says what one would match.</summary>
    public async Task<IResult> Begin(Caller caller, ReplayEvents asked)
    {
        if (Check(asked) is { Any: true } errors)
        {
            return Problem.Invalid(errors);
        }
        if (asked.SourceId is { } sourceId && await sources.View(caller.WorkspaceNo, sourceId) is not { Source.ArchivedAt: null })
        {
            return Problem.NotFound("source");
        }
        Destination? destination = null;
        if (asked.DestinationId is { } destinationId
            && ((destination = await destinations.Find(caller.WorkspaceNo, destinationId)) is null || (asked.SourceId is not null && asked.SourceId != destination.SourceId)))
        {
            return Problem.NotFound("destination");
        }
        var filter = new EventReplayFilter(asked.SourceId ?? destination?.SourceId, asked.DestinationId, asked.Q, asked.Type, asked.Status, asked.Since, asked.Until);
        var (after, last) = await replayable.SeqsBetween(asked.Since?.ToUnixTimeMilliseconds(), asked.Until?.ToUnixTimeMilliseconds());
        if (asked.DryRun is true)
        {
            return TypedResults.Ok(await DryRun(caller.WorkspaceNo, filter, destination, after, last));
        }
        var replay = new NewReplay(
            caller.WorkspaceNo, ids.New(IdPrefix.Replay), Kind, JsonSerializer.Serialize(filter, ApiJson.Options), filter.SourceId ?? "", asked.DestinationId, destination?.No, null, after, last);
        return await runs.Begin(replay, async session => destination is null ? null : await DestinationStore.EndedNow(session, destination.No)) switch
        {
            { Begun: { } begun } => TypedResults.Accepted($"/api/v1/replays/{begun.ReplayId}", ReplayResource.Of(begun)),
            { Refused: DeliveryChange.TargetDisabled } => DestinationDisabled(),
            _ => Problem.NotFound("destination"),
        };
    }

    public async Task<ReplayBatch> Next(Replay replay, int most)
    {
        var destination = replay.TargetNo is { } only ? await destinations.ViewTarget(only) : null;
        var filter = JsonSerializer.Deserialize<EventReplayFilter>(replay.Filter, ApiJson.Options)!;
        return await Walk(replay.WorkspaceNo, filter, destination, replay.WalkAfter, replay.WalkLast, most);
    }

    private async Task<DryReplay> DryRun(long workspaceNo, EventReplayFilter filter, Destination? destination, long after, long last)
    {
        var started = clock.GetTimestamp();
        var matched = 0;
        while (true)
        {
            var batch = await Walk(workspaceNo, filter, destination, after, last, DryRunStep);
            matched += batch.Items.Count + batch.Skipped;
            if (batch.IsLast || clock.GetElapsedTime(started) > MostDryRun)
            {
                return new DryReplay(matched, batch.IsLast);
            }
            after = batch.WalkedTo;
        }
    }

    private async Task<ReplayBatch> Walk(long workspaceNo, EventReplayFilter filter, Destination? destination, long after, long last, int most)
    {
        var source = filter.SourceId is null ? null : await sources.Find(workspaceNo, filter.SourceId);
        var (items, skipped, at) = (new List<ReplayItem>(), 0, after);
        for (var read = 0; read < ReadsPerStep && items.Count < most; read++)
        {
            var rows = await replayable.Read(workspaceNo, source?.No, at, last, RowsPerRead);
            foreach (var row in rows)
            {
                at = row.Seq;
                var wanted = filter.Matches(row) ? await Wanted(workspaceNo, filter, destination, row) : [];
                if (!row.HasBody)
                {
                    skipped += wanted.Count;
                    continue;
                }
                items.AddRange(wanted);
                if (items.Count >= most)
                {
                    return new ReplayBatch(items, skipped, at, IsLast: false);
                }
            }
            if (rows.Count < RowsPerRead)
            {
                return new ReplayBatch(items, skipped, last, IsLast: true);
            }
        }
        return new ReplayBatch(items, skipped, at, IsLast: false);
    }

    /// <summary>The deliveries of an event that are to be opened again, and those to be made where it never was on its way.</summary>
    private async Task<IReadOnlyList<ReplayItem>> Wanted(long workspaceNo, EventReplayFilter filter, Destination? destination, ReplayableEvent row)
    {
        var now = clock.GetUtcNow();
        var known = row.Deliveries.Where(delivery => destination is null || delivery.TargetNo == destination.No).ToList();
        if (known.Count > 0)
        {
            return [.. known.Where(delivery => filter.Wants(delivery.Found, now)).Select(delivery => new ReplayItem(row.Seq, delivery.TargetNo, filter.Wish, null))];
        }
        if (!filter.WantsMissing)
        {
            return [];
        }
        if (destination is null)
        {
            return row.Deliveries.Count > 0 ? [] :
                [.. (await match.Of(workspaceNo, row.SourceNo, row.Seq)).Select(target => new ReplayItem(row.Seq, target.No, ReplayWish.Missing, now))];
        }
        return row.SourceNo == destination.SourceNo && await match.Is(destination, row.Seq) ? [new ReplayItem(row.Seq, destination.No, ReplayWish.Missing, now)] : [];
    }

    private static FieldErrors Check(ReplayEvents asked)
    {
        var errors = new FieldErrors();
        if (asked.Until <= asked.Since)
        {
            errors.Add("until", "must be after since");
        }
        if (asked.Status is { } status && !ItemStatus.All.Contains(status))
        {
            errors.Add("status", $"must be one of {string.Join(", ", ItemStatus.All)}");
        }
        return errors;
    }

    /// <summary>What a replay of events is to match, as it is kept and shown.</summary>
    private sealed record EventReplayFilter(
        string? SourceId, string? DestinationId, string? Q, string? Type, string? Status, DateTimeOffset? Since, DateTimeOffset? Until)
    {
        /// <summary>Events that have no delivery are wanted too.</summary>
        internal bool WantsMissing => Status is null or "skipped";

        internal ReplayWish Wish => Status switch
        {
            null => ReplayWish.All,
            "failed" => ReplayWish.Failed,
            _ => ReplayWish.ThisOne,
        };

        internal bool Matches(ReplayableEvent row) =>
            row.SignatureStatus is not SignatureStatus.Failed && !(row.ReceivedAt < Since) && !(row.ReceivedAt >= Until) && (Type is null || Destination.Covers(Type, row.Type))
            && (Q is null || Begins(row.EventId) || Begins(row.VendorEventId) || Begins(row.EntityKey) || Begins(row.Type));

        internal bool Wants(ReplayCandidate found, DateTimeOffset now) => Status switch
        {
            null or "failed" => ReplaySelection.Wants(Wish, found, now),
            "pending" => found.Status is DeliveryStatus.Pending,
            "succeeded" => found.Status is DeliveryStatus.Succeeded,
            "canceled" => found.Status is DeliveryStatus.Canceled,
            _ => false,
        };

        private bool Begins(string? text) => text?.StartsWith(Q!, StringComparison.Ordinal) == true;
    }
}
