namespace Hookway.Ingest.Anomalies;

/// <summary>An event that should come. There is one for a source, a rule and a thing.</summary>
/// <param name="Rule">The rule's name, within the vendor.</param>
/// <param name="Entity">What both events are about; of numbered events what is numbered, and the number.</param>
/// <param name="EventSeq">The event that began the wait.</param>
/// <param name="Cause">That of its issue, once it has not come in time.</param>
public sealed record Expectation(
    long SourceNo, string Rule, string Entity, long EventSeq, string EventId, string? EventType, DateTimeOffset BeganAt, DateTimeOffset DueAt, string? Cause = null)
{
    /// <summary>Waits that are longer end here.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(400);

    /// <summary>Between what is numbered and its number.</summary>
    public const char NumberMark = '#';

    public ExpectationKey Key => new(SourceNo, Rule, Entity);
}

/// <summary>What an expectation is known by.</summary>
public readonly record struct ExpectationKey(long SourceNo, string Rule, string Entity);
