using System.Data.Common;
using System.Text.Json;
using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Destinations;

/// <summary>Events for destinations, as the engine delivers them: the vendor's request sent on, or a message of an app.</summary>
public sealed class EventDeliveries(DestinationStore destinations, SourceStore sources, EventStore events, FeedApp feed) : IDeliverySource
{
    public async ValueTask<DeliveryTarget?> FindTarget(long targetNo) => (await destinations.ViewTarget(targetNo))?.Target;

    public async ValueTask<PreparedAttempt?> Prepare(PendingDelivery delivery, DateTimeOffset now)
    {
        if (await destinations.ViewTarget(delivery.TargetNo) is not { } destination || await sources.Receiving(destination.SourceId) is not { } source
            || (delivery.Content as EventContent ?? await events.FindContent(source, delivery.MessageSeq)) is not { } content)
        {
            return null;
        }
        var (body, problem) = BodyOf(destination, content);
        if (problem is not null)
        {
            return NotSent(destination, AttemptOutcome.TransformFailed, problem);
        }
        return destination.Settings.AppId is { } appId
            ? Feed(destination, appId, content, body, again: delivery.Trigger is DeliveryTrigger.Replay)
            : ForwardedRequest.Of(destination, source.Seal.Secrets, content, body, delivery.AttemptCount + 1, now);
    }

    public Task<DeliveryChange?> EndedNow(WriteSession session, long targetNo) => DestinationStore.EndedNow(session, targetNo);

    public Task Disable(WriteSession session, ChangedSubjects touched, long targetNo, string reason, DateTimeOffset now) =>
        destinations.Disable(session, touched, targetNo, reason, now);

    public Task Touch(WriteSession session, ChangedSubjects touched, long targetNo) => DestinationStore.Touch(session, touched, targetNo);

    public Task<TargetOwner?> FindOwner(DbConnection connection, long targetNo) => DestinationStore.FindOwner(connection, targetNo);

    public Task<IReadOnlyDictionary<long, string>> FindItemIds(DbConnection connection, IReadOnlyCollection<long> seqs) => EventStore.FindIds(connection, seqs);

    /// <summary>What is sent of an event's body, or why it cannot be made. A message's data is JSON, whatever the body is.</summary>
    private static (ReadOnlyMemory<byte> Body, string? Problem) BodyOf(Destination destination, EventContent content)
    {
        if (!destination.Settings.Transforms && destination.Settings.AppId is null)
        {
            return (content.Body, null);
        }
        var json = new VendorRequest(content.Method, "", content.Headers, content.Body, content.ReceivedAt).Json;
        if (json.ValueKind is JsonValueKind.Undefined)
        {
            return (default, destination.Settings.Transforms ? "The body is not JSON, so it cannot be transformed." : "The body is not JSON, so it cannot become a message.");
        }
        return Transformation.Of(json, destination.TransformPath, destination.Settings.TransformBodyPath, destination.Expression);
    }

    private PreparedAttempt Feed(Destination destination, string appId, EventContent content, ReadOnlyMemory<byte> data, bool again)
    {
        var custom = destination.Settings.Headers;
        IReadOnlyList<KeyValuePair<string, string>> headers = [.. custom, .. content.Headers.Where(header => !custom.ContainsKey(header.Key))];
        return new PreparedAttempt(
            Nothing(destination), [], Instead: cancel => feed(new FedItem(destination.WorkspaceNo, appId, content.EventId, content.Type, headers, data, again), cancel));
    }

    private static PreparedAttempt NotSent(Destination destination, AttemptOutcome outcome, string detail) => new(
        Nothing(destination), [], Instead: _ => Task.FromResult(new AttemptResult(outcome, null, [], [], TimeSpan.Zero, null, ResponseDirective.None, detail)));

    private static DeliveryRequest Nothing(Destination destination) => new(HttpMethod.Post, destination.Url ?? AppUrl.Of(destination.Settings.AppId!), [], default);
}

/// <summary>What stands for the URL in attempts that feed an app.</summary>
internal static class AppUrl
{
    private const string Scheme = "app:";

    public static Uri Of(string appId) => new(Scheme + appId);

    /// <summary>The URL of an attempt as it is shown: an app has none.</summary>
    public static string? Shown(string url) => url.StartsWith(Scheme, StringComparison.Ordinal) ? null : url;
}
