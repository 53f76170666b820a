namespace Hookway.Ingest.Anomalies;

/// <summary>An event that should come. There is one for a source, a rule and a thing.</summary>
/// <param name="Rule">The rule's name, within the vendor.</param>
/// <param name="Entity">What both events are about; of numbered events what is numbered, and the number.</param>
/// <param name="EventSeq">The event that began the wait.</param>
/// <param name="Cause">That of its issue, once it has not come in time.</param>
public sealed record Expectation(
    long SourceNo, string Rule, string Entity, long EventSeq, string EventId, string? EventType, DateTimeOffset BeganAt, DateTimeOffset DueAt, string? Cause = null)
{
    /// <summary>What takes longer is not waited for.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(400);

    /// <summary>When an event is due; null when that is too far off.</summary>
    /// <param name="from">The time that the event named; one that was over at its arrival counts from there.</param>
    public static DateTimeOffset? TimeUp(DateTimeOffset receivedAt, DateTimeOffset? from, TimeSpan within)
    {
        var start = from > receivedAt ? from.Value : receivedAt;
        return start - receivedAt > Longest - within ? null : start + within < receivedAt ? receivedAt : start + within;
    }

    /// <summary>Between what is numbered and its number.</summary>
    public const char NumberMark = '#';

    public ExpectationKey Key => new(SourceNo, Rule, Entity);
}

/// <summary>A wait that is over.</summary>
/// <param name="Cause">That of its issue, when it had been missed.</param>
public sealed record EndedWait(ExpectationKey Key, DateTimeOffset BeganAt, string? Cause);

/// <summary>What an expectation is known by.</summary>
public readonly record struct ExpectationKey(long SourceNo, string Rule, string Entity);
