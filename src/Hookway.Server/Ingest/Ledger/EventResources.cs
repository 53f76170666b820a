using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api.OpenApi;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Ledger;

/// <summary>An event, as the API shows it.</summary>
/// <param name="VendorEventId">The vendor's own id of it; null when it gives none.</param>
/// <param name="Type">What happened, such as <c>invoice.paid</c>.</param>
/// <param name="EntityKey">To what it happened.</param>
/// <param name="SignatureStatus"><c>verified</c>; <c>failed</c>: never forwarded; or <c>unchecked</c>: the vendor does not sign, or the source has no secret.</param>
/// <param name="SignatureCoverage">What the signature vouches for: <c>body</c>, <c>partial</c> (some values, not the body as a whole) or <c>none</c>.</param>
/// <param name="SignatureError">Why it is not verified, as a stable code; null when it is.</param>
/// <param name="SignatureErrorDetail">The same as a sentence.</param>
/// <param name="SignatureEvidence">Only where one event is fetched, and only of one that failed: what was compared, without secrets.</param>
/// <param name="DuplicateOf">
/// The id of the event that it repeats: it bears the same vendor's id (where the vendor gives one id to several events also the same content), and is forwarded only where no copy before it arrived; or it has
/// no id and the same content as an event of the same day (UTC), and is forwarded all the same.
/// </param>
/// <param name="Path">The path and the query, the token hidden.</param>
/// <param name="Headers">Only where one event is fetched: as they came, one that came twice twice; secrets are masked.</param>
/// <param name="Body">Only where one event is fetched: as text, or in base64 when it is none. The bytes are at <c>…/body</c>. Null when it has been erased.</param>
/// <param name="BodyEncoding"><c>text</c> or <c>base64</c>.</param>
/// <param name="Status">pending, failed, succeeded, canceled, or skipped when there are no deliveries.</param>
/// <param name="OccurredAt">When the vendor says that it happened.</param>
public sealed record EventResource(
    string EventId, string SourceId, string Vendor, string? VendorEventId, string? Type, string? EntityKey,
    [property: AllowedValues("verified", "failed", "unchecked")] string SignatureStatus, [property: AllowedValues("body", "partial", "none")] string SignatureCoverage,
    string? SignatureError, string? SignatureErrorDetail,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] VerificationEvidence? SignatureEvidence,
    string? DuplicateOf, string Status, string Method, string Path,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<EventHeader>? Headers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Body,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? BodyEncoding,
    int BodySize, string? ContentType, string? SourceIp, DateTimeOffset? OccurredAt, DateTimeOffset ReceivedAt, IReadOnlyList<EventDelivery> Deliveries)
{
    /// <param name="query">As it may be shown.</param>
    public static EventResource Of(VendorEvent found, string sourceId, string vendor, string query, string status, IReadOnlyList<EventDelivery> deliveries) => new(
        found.EventId, sourceId, vendor, found.VendorEventId, found.Type, found.EntityKey, Words.Of(found.SignatureStatus), Words.Of(found.SignatureCoverage),
        found.SignatureError, found.SignatureDetail, null, found.DuplicateOf, status, found.Method,
        $"/ingest/{sourceId}/{Source.Mask}{(query.Length == 0 ? "" : "?")}{query}", null, null, null, found.BodySize, found.ContentType, found.SourceIp,
        found.OccurredAt, found.ReceivedAt, deliveries);

    /// <summary>The same with its request.</summary>
    public EventResource With(EventRequest request, SecretParts secrets)
    {
        var text = request.Body is null ? null : TextOf(request.Body);
        return this with
        {
            Headers = [.. secrets.Shown(request.Headers).Select(header => new EventHeader(header.Key, header.Value))],
            Body = text ?? (request.Body is null ? null : Convert.ToBase64String(request.Body)),
            BodyEncoding = request.Body is null ? null : text is null ? "base64" : "text",
            SignatureEvidence = request.Evidence is null ? null : JsonSerializer.Deserialize<VerificationEvidence>(request.Evidence),
        };
    }

    private static string? TextOf(byte[] body) => System.Text.Unicode.Utf8.IsValid(body) && !body.AsSpan().Contains((byte)0) ? Encoding.UTF8.GetString(body) : null;
}

/// <summary>A header as it came.</summary>
public sealed record EventHeader(string Name, string Value);

/// <summary>A delivery of an event to a destination.</summary>
/// <param name="Status">pending, held, succeeded, failed or canceled.</param>
/// <param name="LastError">The last attempt's error code.</param>
/// <param name="Reason">Why it ended without success.</param>
public sealed record EventDelivery(
    string DestinationId, string? Url, string Status, int AttemptCount, DateTimeOffset? NextAttemptAt, int? LastResponseStatus, string? LastError, string? Reason);

/// <summary>The body of "verify an event".</summary>
/// <param name="Release">Forward it to its destinations, if it is genuine now.</param>
public sealed record VerifyEvent(bool? Release) : IRequestBody;

/// <summary>The answer to "verify an event".</summary>
/// <param name="Verified">Whether it is genuine by the source's secrets as they are now.</param>
/// <param name="Reason">A stable code: <c>verified</c>, or why it is not.</param>
/// <param name="Detail">The same as a sentence.</param>
/// <param name="Evidence">What was compared, without secrets; null when nothing could be.</param>
/// <param name="Released">Whether it was released to its destinations by this request.</param>
/// <param name="Event">The event after the check. One that turns out to be genuine is marked so; one that was genuine before stays so.</param>
public sealed record EventVerification(bool Verified, string Reason, string Detail, VerificationEvidence? Evidence, bool Released, EventResource Event);
