using Hookway.Deliveries;
using Hookway.Ingest.Intake;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>Says which destinations want an event, in the transaction that keeps or releases it.</summary>
public sealed class EventRouting(DestinationStore destinations, Configuration configuration)
{
    public async ValueTask<IReadOnlyList<DeliveryTarget>> Route(WriteSession session, RoutedEvent routed)
    {
        var source = routed.Source;
        var known = configuration.IsStale(Destination.Subject(source.SourceId), routed.Version)
            ? await destinations.LoadOfSource(session.Connection, source.No)
            : await destinations.ViewOfSource(source);
        return known.Count == 0 ? [] :
            [.. known.Where(destination => destination.Ended is null && destination.Matches(routed.Facts, () => routed.Request.Json))
                .Select(destination => destination.Target)];
    }
}
