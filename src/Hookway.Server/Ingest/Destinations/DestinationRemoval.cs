using Hookway.Access;
using Hookway.Deliveries;
using Hookway.Ingest.Sources;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>
/// Takes destinations out of service: first the change that stops new deliveries, then the end of those that were pending, in steps. What a crash leaves pending in
/// between is ended by the engine when it next reads the target.
/// </summary>
public sealed class DestinationRemoval(SourceStore sources, DestinationStore destinations, DeliveryStore deliveries, DeliverySchedule schedule, TimeProvider clock)
{
    /// <summary>Deletes a destination; null when there is none.</summary>
    public async Task<Destination?> Remove(Caller caller, string destinationId)
    {
        if (await destinations.Update(
            caller.WorkspaceNo, caller.Actor, "destination.deleted", destinationId, destination => destination with { DeletedAt = clock.GetUtcNow() }) is not { } removed)
        {
            return null;
        }
        await EndOrLeave(removed.No);
        return removed;
    }

    /// <summary>Archives a source, and ends what waits to be forwarded from it; null when there is none.</summary>
    public async Task<Source?> ArchiveSource(Caller caller, string sourceId)
    {
        List<long> numbers = [];
        var archived = await sources.Update(
            caller.WorkspaceNo, caller.Actor, "source.archived", sourceId, source => source with { ArchivedAt = clock.GetUtcNow() },
            async (session, touched, source) => numbers = await DestinationStore.TouchOfSource(session, touched, source));
        foreach (var no in archived is null ? [] : numbers)
        {
            await EndOrLeave(no);
        }
        return archived;
    }

    /// <summary>Ends what is pending for a destination, as long as it is out of service: it may be taken back into service, with new work, while this runs.</summary>
    /// <exception cref="StorageUnavailableException">Some may still be pending.</exception>
    public Task EndAll(long no) => deliveries.EndAll(no, session => DestinationStore.EndedNow(session, no));

    /// <summary>The same after a change that is stored already: while the store is away the rest is left to the engine, which tries until it is done.</summary>
    public async Task EndOrLeave(long no)
    {
        try
        {
            await EndAll(no);
        }
        catch (StorageUnavailableException)
        {
            schedule.Refresh(no);
        }
    }
}
