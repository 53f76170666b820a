using Hookway.Deliveries;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Ledger;

/// <summary>Which events a list shows; what is null does not limit it.</summary>
/// <param name="Since">Unix milliseconds, inclusive.</param>
/// <param name="Until">Unix milliseconds, exclusive.</param>
/// <param name="Q">What id, vendor's id, entity or type must be or begin with.</param>
public sealed record EventFilter(
    long? SourceNo, string? Type, string? EntityKey, SignatureStatus? SignatureStatus, string? Status, long? Since, long? Until, string? Q)
{
    /// <summary>What must hold of an event <c>e</c> that the way in does not tell; empty when nothing.</summary>
    public string Conditions => string.Concat(
        Type is null ? "" : " AND e.event_type = @Type",
        SourceNo is null ? "" : " AND +e.source_no = @SourceNo",
        EntityKey is null ? "" : " AND e.entity_key = @EntityKey",
        SignatureStatus is null ? "" : " AND e.signature_status = @SignatureNumber",
        Since is null ? "" : " AND e.received_at >= @Since",
        Until is null ? "" : " AND e.received_at < @Until",
        Status is null ? "" : " AND " + ItemStatus.Condition(Status, "e"));
}
