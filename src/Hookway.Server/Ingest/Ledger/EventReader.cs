using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Ledger;

/// <summary>What is shown of the target of an event's delivery; null when it is not one of ingest's, or is gone.</summary>
public delegate ValueTask<ShownTarget?> ShowTarget(long targetNo);

/// <summary>A destination, as a delivery names it.</summary>
public sealed record ShownTarget(string DestinationId, string? Url, bool Paused);

/// <summary>Puts events together with their sources and deliveries, for showing them.</summary>
public sealed class EventReader(Database database, EventStore events, EventSearch search, SourceStore sources, ShowTarget showTarget)
{
    /// <summary>One event with its request; null when it is not of the caller's workspace.</summary>
    public async Task<EventResource?> WithRequest(Caller caller, string eventId) =>
        await events.Find(caller.WorkspaceNo, eventId) is { } found && await RequestOf(caller, found) is { } request && (await Show(caller.WorkspaceNo, [found]))[0] is var shown
            ? shown.With(request, (await sources.View(caller.WorkspaceNo, shown.SourceId))!.Seal.Secrets)
            : null;

    /// <summary>What the caller may see of an event's request.</summary>
    public async Task<EventRequest?> RequestOf(Caller caller, VendorEvent found) =>
        await events.FindRequest(found) is not { } request ? null
        : caller.Holds(Scopes.IngestWrite) ? request
        : BodySecrets.Hide(VendorCatalog.Find((await sources.ListIds(caller.WorkspaceNo, [found.SourceNo]))[found.SourceNo].Vendor)!, request);

    /// <summary>Events newest first.</summary>
    public async Task<Found<(VendorEvent Event, EventResource Resource)>> List(long workspaceNo, EventFilter filter, long before, int limit)
    {
        var found = await search.List(workspaceNo, filter, before, limit);
        return new([.. found.Rows.Zip(await Show(workspaceNo, found.Rows))], found.SearchedTo);
    }

    private async Task<IReadOnlyList<EventResource>> Show(long workspaceNo, IReadOnlyList<VendorEvent> found)
    {
        if (found.Count == 0)
        {
            return [];
        }
        var named = await sources.ListIds(workspaceNo, found.Select(item => item.SourceNo).Distinct());
        var deliveries = await database.Read(connection => DeliveryStore.OfMessages(connection, [.. found.Select(item => item.Seq)]));
        var shown = new List<EventResource>(found.Count);
        foreach (var item in found)
        {
            var (sourceId, vendor) = named[item.SourceNo];
            // What the source's scheme calls secret now is not shown of what came before either.
            var secrets = (await sources.View(workspaceNo, sourceId))!.Seal.Secrets;
            shown.Add(EventResource.Of(item, sourceId, vendor, secrets.Shown(item.Query), ItemStatus.Of(deliveries[item.Seq].Select(delivery => delivery.Status)), await Shown(deliveries[item.Seq])));
        }
        return shown;
    }

    private async ValueTask<IReadOnlyList<EventDelivery>> Shown(IEnumerable<Delivery> deliveries)
    {
        var shown = new List<EventDelivery>();
        foreach (var delivery in deliveries)
        {
            if (await showTarget(delivery.TargetNo) is { } target)
            {
                shown.Add(new EventDelivery(
                    target.DestinationId, target.Url, delivery.Status.Word(target.Paused), delivery.AttemptCount, target.Paused ? null : delivery.NextAttemptAt,
                    delivery.LastResponseStatus, delivery.LastError, delivery.Reason));
            }
        }
        return shown;
    }
}
