using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Dispatch.Messages;

/// <summary>The body of "send a message".</summary>
/// <remarks>Shown in the API's reference; read by <see cref="MessageDraft"/>, which keeps the bytes of <c>data</c>.</remarks>
/// <param name="Recipient">Required, unless the app's routing key names it; made when it is unknown.</param>
/// <param name="Type">Required; a published event type.</param>
/// <param name="Data">Any JSON value, kept and sent byte for byte; <c>{}</c> when absent.</param>
/// <param name="MessageId">The caller's own stable id, unique in the app.</param>
/// <param name="IdempotencyKey">A key remembered for 24 h; the <c>Idempotency-Key</c> header does the same.</param>
/// <param name="DeliverAt">At most 30 days ahead.</param>
public sealed record SendMessage(
    string? Recipient, [property: Required] string? Type, JsonElement? Data, string? MessageId, string? IdempotencyKey, DateTimeOffset? DeliverAt) : IRequestBody;

/// <summary>A message, as the API shows it.</summary>
/// <param name="Data">Only where one message is fetched.</param>
/// <param name="Status">pending, failed, succeeded, canceled, or skipped when there are no deliveries.</param>
/// <param name="Duplicate">This send repeated an earlier one.</param>
/// <param name="Unmatched">Only where one message is fetched: the recipient's endpoints that it was not for when it was accepted, each with the reason; at most 100.</param>
public sealed record MessageResource(
    string MessageId, string AppId, string Recipient, string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Data,
    string Status, bool Duplicate, DateTimeOffset CreatedAt, DateTimeOffset? DeliverAt, IReadOnlyList<DeliveryResource> Deliveries,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<UnmatchedEndpoint>? Unmatched = null)
{
    public static MessageResource Of(App app, Message message, IReadOnlyList<Delivery> deliveries, IReadOnlyDictionary<long, WebhookEndpoint> endpoints) => new(
        message.MessageId, app.AppId, message.Recipient, message.EventType, RawJson.Element(message.Data),
        ItemStatus.Of(deliveries.Select(delivery => delivery.Status)), Duplicate: false, message.CreatedAt, message.DeliverAt,
        [.. deliveries.Select(delivery => DeliveryResource.Of(delivery, endpoints[delivery.TargetNo]))]);
}

/// <summary>A delivery, as the API shows it.</summary>
/// <param name="Status">pending, held, succeeded, failed or canceled.</param>
/// <param name="LastError">The last attempt's error code.</param>
/// <param name="Reason">Why it ended without success.</param>
public sealed record DeliveryResource(
    string EndpointId, string Url, string Status, int AttemptCount, DateTimeOffset? NextAttemptAt, int? LastResponseStatus, string? LastError, string? Reason)
{
    public static DeliveryResource Of(Delivery delivery, WebhookEndpoint endpoint) => new(
        endpoint.EndpointId, endpoint.Settings.Url, delivery.Status.Word(endpoint.Settings.Paused), delivery.AttemptCount,
        endpoint.Settings.Paused ? null : delivery.NextAttemptAt, delivery.LastResponseStatus, delivery.LastError, delivery.Reason);
}

/// <summary>An attempt, as the API shows it.</summary>
/// <param name="Trigger">automatic, replay or test.</param>
/// <param name="Status">succeeded or failed.</param>
/// <param name="ResponseBody">The first 16 KiB, as text.</param>
/// <param name="Error">A stable code, null for a success.</param>
/// <param name="ErrorDetail">One sentence about the error.</param>
/// <param name="RequestHeaders">As sent; the values of custom headers are masked.</param>
public sealed record AttemptResource(
    string AttemptId, string MessageId, string EndpointId, string Url, int Number, string Trigger, string Status, int? ResponseStatus,
    IReadOnlyDictionary<string, string> ResponseHeaders, string ResponseBody, string? Error, string? ErrorDetail, long DurationMs,
    IReadOnlyDictionary<string, string> RequestHeaders, DateTimeOffset StartedAt, DateTimeOffset? NextAttemptAt)
{
    public static AttemptResource Of(Attempt attempt, string messageId, string endpointId) => new(
        attempt.AttemptId, messageId, endpointId, attempt.Url, attempt.Number, attempt.Trigger.Word(),
        attempt.Outcome is AttemptOutcome.Succeeded ? "succeeded" : "failed", attempt.ResponseStatus, HeaderNames.Merge(attempt.ResponseHeaders),
        Encoding.UTF8.GetString(attempt.ResponseBody), attempt.Outcome.Code(),
        attempt.Outcome is AttemptOutcome.Succeeded ? null : attempt.Detail ?? attempt.Outcome.Sentence(), (long)attempt.Duration.TotalMilliseconds,
        HeaderNames.Merge(attempt.RequestHeaders), attempt.StartedAt, attempt.NextAttemptAt);

    /// <summary>Which attempts a <c>status</c> in a query asks for; null for all.</summary>
    public static bool? SucceededOf(string? status, FieldErrors errors)
    {
        if (status is not (null or "succeeded" or "failed"))
        {
            errors.Add("status", "must be succeeded or failed");
        }
        return status is null ? null : status == "succeeded";
    }
}
