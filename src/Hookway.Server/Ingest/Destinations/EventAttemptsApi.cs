using System.ComponentModel.DataAnnotations;
using System.Text;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;

namespace Hookway.Ingest.Destinations;

/// <summary>The routes of attempts and of what waits to be tried again.</summary>
public static class EventAttemptsApi
{
    public static void MapEventAttempts(this IEndpointRouteBuilder routes)
    {
        var ingest = routes.MapGroup("/api/v1/ingest").WithTags("Events");
        ingest.MapGet("/attempts", List).Needs(Scopes.IngestRead).WithSummary("List attempts").WithDescription("Newest first; also of destinations that were deleted.").Paged()
            .WithQuery("eventId", "string", "Only those of this event.").WithQuery("destinationId", "string", "Only those to this destination.")
            .WithQuery("status", "string", "Only those that succeeded, or failed.", "succeeded", "failed")
            .WithQuery("since", "date-time", "Only those that began at or after this time.").WithQuery("until", "date-time", "Only those that began before this time.")
            .Produces<Page<EventAttemptResource>>();
        ingest.MapGet("/retry-jobs", Retries).Needs(Scopes.IngestRead).WithSummary("List retry jobs")
            .WithDescription("Deliveries that were tried and wait for their next attempt, those of the newest events first. Of a destination with more than 10,000 that wait, those that are due last.").Paged()
            .WithQuery("status", "string", "Only those that are pending, or held because their destination is paused.", "pending", "held").Produces<Page<RetryJobResource>>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, EventStore events, DestinationStore destinations, EventAttempts attempts)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "attempts", errors);
        var status = request.Text("status");
        if (status is not (null or "succeeded" or "failed"))
        {
            errors.Add("status", "must be succeeded or failed");
        }
        var filter = new AttemptFilter(status is null ? null : status == "succeeded", request.Time("since", errors), request.Time("until", errors));
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        VendorEvent? found = null;
        if (request.Text("eventId") is { } eventId && (found = await events.Find(caller.WorkspaceNo, eventId)) is null)
        {
            return Problem.NotFound("event");
        }
        Destination? destination = null;
        if (request.Text("destinationId") is { } destinationId && (destination = await destinations.FindWithDeleted(caller.WorkspaceNo, destinationId)) is null)
        {
            return Problem.NotFound("destination");
        }
        return TypedResults.Ok(page.Of(
            await attempts.List(caller.WorkspaceNo, found, destination, filter, page.Before, page.Rows), item => item.Attempt.Seq, item => item.Resource));
    }

    private static async Task<IResult> Retries(HttpRequest request, Caller caller, EventAttempts attempts)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "retry-jobs", errors);
        var status = request.Text("status");
        if (status is not (null or "pending" or "held"))
        {
            errors.Add("status", "must be pending or held");
        }
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(
                await attempts.Retries(caller.WorkspaceNo, status is null ? null : status == "held", page.Before, page.Rows), item => item.Key, item => item.Resource));
    }
}

/// <summary>An attempt to forward an event, as the API shows it.</summary>
/// <param name="Url">Null where the destination feeds an app.</param>
/// <param name="Trigger">automatic or replay.</param>
/// <param name="ResponseBody">The first 16 KiB, as text.</param>
/// <param name="Error">A stable code, null for a success.</param>
/// <param name="ErrorDetail">One sentence about the error.</param>
/// <param name="RequestHeaders">As sent; custom headers and the vendor's secrets are masked.</param>
public sealed record EventAttemptResource(
    string AttemptId, string EventId, string DestinationId, string? Url, int Number, string Trigger, [property: AllowedValues("succeeded", "failed")] string Status,
    int? ResponseStatus, IReadOnlyDictionary<string, string> ResponseHeaders, string ResponseBody, string? Error, string? ErrorDetail, long DurationMs,
    IReadOnlyDictionary<string, string> RequestHeaders, DateTimeOffset StartedAt, DateTimeOffset? NextAttemptAt)
{
    /// <param name="secrets">What is secret by the source as it is now; what was secret before was recorded masked.</param>
    public static EventAttemptResource Of(Attempt attempt, string eventId, string destinationId, SecretParts secrets) => new(
        attempt.AttemptId, eventId, destinationId, secrets.ShownUrl(AppUrl.Shown(attempt.Url)), attempt.Number, attempt.Trigger.Word(),
        attempt.Outcome is AttemptOutcome.Succeeded ? "succeeded" : "failed", attempt.ResponseStatus, HeaderNames.Merge(attempt.ResponseHeaders),
        Encoding.UTF8.GetString(attempt.ResponseBody), attempt.Outcome.Code(),
        attempt.Outcome is AttemptOutcome.Succeeded ? null : attempt.Detail ?? attempt.Outcome.Sentence(), (long)attempt.Duration.TotalMilliseconds,
        HeaderNames.Merge([.. secrets.Shown(attempt.RequestHeaders)]), attempt.StartedAt, attempt.NextAttemptAt);
}

/// <summary>A delivery of an event that was tried and waits for its next attempt.</summary>
/// <param name="Url">Null where the destination feeds an app.</param>
/// <param name="NextAttemptAt">Null while it is held.</param>
/// <param name="LastError">The last attempt's error code.</param>
public sealed record RetryJobResource(
    string EventId, string SourceId, string DestinationId, string? Url, [property: AllowedValues("pending", "held")] string Status, int AttemptCount,
    DateTimeOffset? NextAttemptAt, int? LastResponseStatus, string? LastError)
{
    public static RetryJobResource Of(Delivery delivery, string eventId, Destination destination) => new(
        eventId, destination.SourceId, destination.DestinationId, destination.Settings.EndpointUrl, delivery.Status.Word(destination.Settings.Paused), delivery.AttemptCount,
        destination.Settings.Paused ? null : delivery.NextAttemptAt, delivery.LastResponseStatus, delivery.LastError);
}
