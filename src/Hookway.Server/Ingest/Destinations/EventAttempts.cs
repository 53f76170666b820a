using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>Puts attempts and retries together with the events and destinations that they are of, for showing them.</summary>
public sealed class EventAttempts(Database database, AttemptStore attempts, DeliveryStore deliveries, DestinationStore destinations, SourceStore sources)
{
    /// <summary>The destinations of a workspace whose attempts are looked through where none is named: its newest.</summary>
    private const int MostDestinations = 500;

    /// <summary>Attempts newest first: of an event, of a destination, of both, or of the workspace.</summary>
    public async Task<Found<(Attempt Attempt, EventAttemptResource Resource)>> List(
        long workspaceNo, VendorEvent? found, Destination? destination, AttemptFilter filter, long before, int limit)
    {
        var targets = destination is not null ? [destination.No] : found is not null ? null : await destinations.Numbers(workspaceNo, MostDestinations);
        var page = await attempts.Of(found?.Seq, targets, filter, before, limit);
        var ids = await IdsOf(workspaceNo, page.Rows.Select(attempt => attempt.MessageSeq));
        var shown = new List<(Attempt, EventAttemptResource)>(page.Rows.Count);
        foreach (var attempt in page.Rows)
        {
            if (ids.TryGetValue(attempt.MessageSeq, out var eventId) && await destinations.ViewTarget(attempt.TargetNo) is { } target
                && await sources.View(workspaceNo, target.SourceId) is { } source)
            {
                shown.Add((attempt, EventAttemptResource.Of(attempt, eventId, target.DestinationId, source.Seal.Secrets)));
            }
        }
        return new(shown, page.SearchedTo);
    }

    /// <summary>Deliveries that were tried and wait for their next attempt, those of the newest events first.</summary>
    /// <param name="held">Only those that are held, or are not.</param>
    public async Task<IReadOnlyList<(long Key, RetryJobResource Resource)>> Retries(long workspaceNo, bool? held, long before, int limit)
    {
        var waiting = new List<(long Key, long Seq, Destination Destination)>();
        foreach (var no in await destinations.Numbers(workspaceNo, MostDestinations))
        {
            if (await destinations.ViewTarget(no) is { DeletedAt: null } destination && (held is null || destination.Settings.Paused == held))
            {
                waiting.AddRange((await deliveries.Retrying(no)).Select(seq => (KeyOf(seq, no), seq, destination)));
            }
        }
        var page = waiting.Where(item => item.Key < before).OrderByDescending(item => item.Key).Take(limit).ToList();
        var ids = await IdsOf(workspaceNo, page.Select(item => item.Seq));
        var states = await database.Read(connection => DeliveryStore.OfMessages(connection, [.. page.Select(item => item.Seq).Distinct()]));
        return [.. page.Select(item => (item.Key, item.Seq, item.Destination, Delivery: states[item.Seq].FirstOrDefault(delivery => delivery.TargetNo == item.Destination.No)))
            .Where(item => ids.ContainsKey(item.Seq) && item.Delivery is { Status: DeliveryStatus.Pending })
            .Select(item => (item.Key, RetryJobResource.Of(item.Delivery!, ids[item.Seq], item.Destination)))];
    }

    /// <summary>A delivery's place among those of all events: by event, then by destination.</summary>
    private static long KeyOf(long seq, long targetNo) => (seq << 20) + ((targetNo - DeliveryTarget.FirstDestinationNo) & 0xF_FFFF);

    private Task<Dictionary<long, string>> IdsOf(long workspaceNo, IEnumerable<long> seqs) =>
        database.Read(connection => EventStore.FindIds(connection, workspaceNo, seqs.Distinct()));
}
