using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.Sources;

namespace Hookway.Ingest.Intake;

/// <summary>Confirms a subscription by fetching the URL that a verified request names on its vendor's own hosts, through the guarded sender.</summary>
public sealed class SubscriptionVisit(SendRequest send, ILogger<SubscriptionVisit> log)
{
    private static readonly KeyValuePair<string, string>[] Headers = [new("accept", "*/*"), new("user-agent", "Hookway/" + ProductVersion.Text)];

    /// <summary>Whether it was confirmed.</summary>
    public async Task<bool> Confirm(Source source, Uri url)
    {
        var result = await send(new DeliveryRequest(HttpMethod.Get, url, Headers, default), CancellationToken.None);
        var confirmed = result.Outcome is AttemptOutcome.Succeeded;
        log.Log(
            confirmed ? LogLevel.Information : LogLevel.Warning, "The subscription of {SourceId} at {Host}: {Result}", source.SourceId, url.Host,
            confirmed ? "confirmed" : $"{result.Outcome.Code()} {result.Detail}");
        return confirmed;
    }
}
