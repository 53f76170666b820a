namespace Hookway.Deliveries;

/// <summary>What one attempt came to.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="ResponseStatus">The status that the receiver answered with; null when it did not get that far.</param>
/// <param name="ResponseHeaders">The first headers of the response, at most 100 and 16 KiB.</param>
/// <param name="ResponseBody">The first 16 KiB of the response body, as they came.</param>
/// <param name="Duration">From the call to the end of the response, or to the failure.</param>
/// <param name="RetryAfter">How long the receiver asks to be left alone: of a 429 or 503 only, between zero and 24 hours.</param>
/// <param name="Directive">What else the receiver asks for.</param>
/// <param name="Detail">One sentence with the particulars, without secrets.</param>
public sealed record AttemptResult(
    AttemptOutcome Outcome,
    int? ResponseStatus,
    IReadOnlyList<KeyValuePair<string, string>> ResponseHeaders,
    byte[] ResponseBody,
    TimeSpan Duration,
    TimeSpan? RetryAfter,
    ResponseDirective Directive,
    string? Detail)
{
    /// <summary>There was no room for it on this node: it says nothing of the receiver, and does not count.</summary>
    public bool WasNotMade { get; init; }
}

/// <summary>What a receiver asks for with the header <c>webhook-delivery</c>, or with a 410.</summary>
public enum ResponseDirective
{
    None,
    AbortMessage,
    DisableTarget,
}
