using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Ledger;

/// <summary>One vendor webhook, kept in the ledger.</summary>
/// <param name="Seq">Its place in the order of acceptance, among messages and events.</param>
/// <param name="SignatureError">Why it is not verified, one of <see cref="VerdictReasons"/>; null when it is.</param>
/// <param name="SignatureDetail">The same as a sentence.</param>
/// <param name="DuplicateOf">The event that it repeats.</param>
/// <param name="BodySize">Also when the body has been erased.</param>
public sealed record VendorEvent(
    long Seq, long SourceNo, string EventId, string? VendorEventId, string? Type, string? EntityKey, SignatureStatus SignatureStatus, SignatureCoverage SignatureCoverage,
    string? SignatureError, string? SignatureDetail, string? DuplicateOf, string Method, string Query, string? ContentType, string? SourceIp, DateTimeOffset? OccurredAt,
    DateTimeOffset ReceivedAt, int BodySize);

/// <summary>The request of an event, as it came but for what is secret (<see cref="Sources.EventSeal"/>).</summary>
/// <param name="Sealed">What is secret; null when nothing is.</param>
/// <param name="Body">Null when it has been erased.</param>
/// <param name="Evidence">What was compared, as JSON; of an event that failed.</param>
public sealed record EventRequest(IReadOnlyList<KeyValuePair<string, string>> Headers, byte[]? Sealed, byte[]? Body, string? Evidence);

/// <summary>What is forwarded of an event, byte for byte.</summary>
/// <param name="Headers">As they came, secrets and all.</param>
/// <param name="Query">Without its question mark.</param>
/// <param name="Secrets">What was secret of it when it was kept.</param>
public sealed record EventContent(
    string EventId, string SourceId, string? Type, string Method, string Query, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Body, DateTimeOffset ReceivedAt,
    SecretParts Secrets);
