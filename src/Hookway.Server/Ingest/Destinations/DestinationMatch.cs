using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Destinations;

/// <summary>Which destinations an event that is in the ledger would go to, were it to come now.</summary>
public sealed class DestinationMatch(DestinationStore destinations, SourceStore sources, EventStore events)
{
    public async Task<IReadOnlyList<Destination>> Of(long workspaceNo, long sourceNo, long seq)
    {
        if ((await sources.ListIds(workspaceNo, [sourceNo])).Values.FirstOrDefault() is not { SourceId: { } sourceId } || await sources.View(workspaceNo, sourceId) is not { Source.ArchivedAt: null } view)
        {
            return [];
        }
        var known = (await destinations.ViewOfSource(view.Source)).Where(destination => destination.Ended is null).ToList();
        if (known.Count == 0 || await events.FindContent(view, seq) is not { } content)
        {
            return [];
        }
        return [.. known.Where(destination => Matches(destination, view, content))];
    }

    /// <summary>Whether an event would go to a destination.</summary>
    public async Task<bool> Is(Destination destination, long seq) =>
        await sources.Receiving(destination.SourceId) is { } view && await events.FindContent(view, seq) is { } content && Matches(destination, view, content);

    private static bool Matches(Destination destination, SourceView view, EventContent content)
    {
        var request = new VendorRequest(content.Method, VendorRequest.UrlAsCalled("http://source/", content.Query), content.Headers, content.Body, content.ReceivedAt);
        return !Handshake.BringsSecret(view.Preset, request) && destination.Matches(EventFacts.Of(view.Preset, request), () => request.Json);
    }
}
