using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>A request that is to be kept, judged by what memory knew of its source.</summary>
/// <param name="View">The source.</param>
/// <param name="Version">The configuration's version from before the source was read.</param>
/// <param name="Query">As received, without its question mark.</param>
public sealed record ReceivedEvent(
    SourceView View, long Version, string EventId, VendorRequest Request, string Query, string? SourceIp, Verdict Verdict, EventFacts Facts)
{
    /// <summary>What a repetition of it is known by; its own id where none is.</summary>
    public byte[] DuplicateKey { get; } = EventStore.KeyOf(Facts.DuplicateKey ?? EventId);

    /// <summary>What its signature was made over, where no other event should have the same (<see cref="SignatureReuse"/>); null where that is of no matter.</summary>
    public byte[]? SignedKey { get; } = SignatureReuse.KeyOf(View.Preset, Verdict, Facts);

    /// <summary>Whether an earlier event is looked for: what is forged takes no part.</summary>
    public bool MayRepeat => Facts.DuplicateKey is not null && Verdict.Status is not SignatureStatus.Failed;

    /// <summary>Whether it is marked when what it is signed for came under another id.</summary>
    public bool MarksReuse => SignedKey is not null && Verdict.IsVerified && !View.Preset.Scheme.Once;

    /// <summary>Whether what it repeats is the very same event: equal content alone only marks it.</summary>
    public bool IsKnownById => Facts.VendorEventId is not null;

    public long Trust => Verdict.IsVerified ? 1 : 0;

    /// <summary>It brings the source's signing secret, which is for nobody else.</summary>
    public bool BringsSecret { get; init; }

    public bool IsForwardable => !BringsSecret && Verdict.Status is not SignatureStatus.Failed && View.Source.Settings.Enabled;

    /// <summary>What is forwarded of it.</summary>
    public EventContent Content => new(EventId, View.Source.SourceId, Facts.Type, Request.Method, Query, Request.Headers, Request.Body, Request.ReceivedAt, View.Seal.Secrets);
}

/// <summary>What became of a request: kept, or to be judged again because its source has changed.</summary>
/// <param name="Targets">Where it goes.</param>
/// <param name="Reused">What it is judged after all: its signature has been used before. Null when it stays as it was judged.</param>
public sealed record EventOutcome(long Seq, bool IsDuplicate, IReadOnlyList<DeliveryTarget> Targets, Verdict? Reused)
{
    public static EventOutcome Outdated { get; } = new(0, false, [], null);

    public bool IsOutdated => Seq == 0;
}

/// <summary>
/// Which targets want an event, asked in the transaction that keeps it: its configuration is caught up, so what has become stale since
/// <see cref="RoutedEvent.Version"/> can be read again. Whether a copy of the event went there already is not the answer's matter.
/// </summary>
public delegate ValueTask<IReadOnlyList<DeliveryTarget>> RouteEvent(WriteSession session, RoutedEvent routed);

/// <summary>An event on its way to its targets.</summary>
/// <param name="Version">The configuration's version from before anything of it was read.</param>
public sealed record RoutedEvent(Source Source, VendorRequest Request, EventFacts Facts, long Version);
