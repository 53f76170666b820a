using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>An event as the watcher of the ledger sees it: what all rules need. The request is read for those that need more.</summary>
/// <param name="DuplicateOf">The sequence of the event that it repeats.</param>
/// <param name="EarlierOccurredAt">The latest time at which something happened to the same thing, of the events before it.</param>
/// <param name="HasEarlier">There are events of the same thing before it.</param>
/// <param name="IsAltered">It repeats an event that had another body.</param>
/// <param name="IsRenamed">It repeats an event that had another id of the vendor's.</param>
/// <param name="HasId">The vendor gives it an id: else what it repeats may be another event that looks the same.</param>
public sealed record WatchedEvent(
    long Seq, long SourceNo, string EventId, string? Type, string? EntityKey, SignatureStatus SignatureStatus, string? SignatureDetail, long? DuplicateOf, string Method,
    string Query, DateTimeOffset? OccurredAt, DateTimeOffset ReceivedAt, int BodySize, DateTimeOffset? EarlierOccurredAt, bool HasEarlier, bool IsAltered, bool HasId, bool IsRenamed)
{
    /// <summary>Whether it tells of the feed: what is forged says nothing of it.</summary>
    public bool IsGenuine => SignatureStatus is not SignatureStatus.Failed;

    /// <summary>It was looked at before, as forged: others that came after it have been seen already.</summary>
    public bool IsSeenAgain { get; init; }

    public SeenItem Item => new(Seq, EventId);

    /// <summary>The request as it came, for reading values of it; null when its body has been erased.</summary>
    public VendorRequest? Restore(SourceView view, EventRequest kept)
    {
        if (kept.Body is not { } body)
        {
            return null;
        }
        var (headers, query, url) = view.Seal.Join(EventId, kept.Headers, Query, kept.Sealed);
        var called = view.Source.Settings.PublicUrl ?? url ?? "http://localhost" + view.Source.MaskedPath;
        return new VendorRequest(Method, VendorRequest.UrlAsCalled(called, query), headers, body, ReceivedAt);
    }
}
