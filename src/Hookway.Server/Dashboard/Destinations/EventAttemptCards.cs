using Hookway.Dispatch.Messages;
using Hookway.Ingest.Destinations;

namespace Hookway.Dashboard.Destinations;

/// <summary>Attempts to forward events, drawn by the parts that draw attempts of messages.</summary>
public static class EventAttemptCards
{
    public static AttemptResource Shown(EventAttemptResource attempt) => new(
        attempt.AttemptId, attempt.EventId, attempt.DestinationId, attempt.Url ?? "an app of Dispatch", attempt.Number, attempt.Trigger, attempt.Status, attempt.ResponseStatus,
        attempt.ResponseHeaders, attempt.ResponseBody, attempt.Error, attempt.ErrorDetail, attempt.DurationMs, attempt.RequestHeaders, attempt.StartedAt, attempt.NextAttemptAt);
}
