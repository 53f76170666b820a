using System.Collections.Frozen;

namespace Hookway.Issues;

/// <summary>What is the matter. The numbers are stored.</summary>
public enum IssueKind
{
    /// <summary>An event that should have followed another has not come.</summary>
    MissingEvent = 0,

    /// <summary>Events come long after what they tell of.</summary>
    LateEvent = 1,

    /// <summary>An event came again, the same or with another body.</summary>
    DuplicateEvent = 2,

    /// <summary>An event of something came after a later one.</summary>
    OutOfOrder = 3,

    /// <summary>Numbered events leave some out.</summary>
    SequenceGap = 4,

    /// <summary>A feed sends much less than it usually does.</summary>
    Silence = 5,

    /// <summary>Requests came whose signature was wrong.</summary>
    SignatureFailures = 6,

    /// <summary>Deliveries to a target fail.</summary>
    DeliveryFailed = 7,

    /// <summary>A target was taken out of service, by its receiver's wish or because it kept failing.</summary>
    EndpointDisabled = 8,

    /// <summary>Events look otherwise than they always did: a type, a field or the version of the vendor's API.</summary>
    SchemaChange = 9,

    /// <summary>Some events have another share in others than they usually have.</summary>
    UnusualRate = 10,
}

/// <summary>What has become of it. The numbers are stored.</summary>
public enum IssueStatus
{
    Open = 0,

    /// <summary>Somebody has seen it, and it is not over.</summary>
    Acknowledged = 1,

    /// <summary>It is over; the same cause opens another.</summary>
    Resolved = 2,

    /// <summary>Nobody wants to hear of its cause: it goes on being counted, and opens no other.</summary>
    Ignored = 3,
}

/// <summary>How much it matters. The numbers are stored.</summary>
public enum IssueSeverity
{
    Info = 0,
    Warning = 1,
    Error = 2,
}

/// <summary>Something a person should look at. One issue stands for all that has the same cause, until it is over.</summary>
/// <param name="Cause">What others like it are known by.</param>
/// <param name="Count">How often it was seen.</param>
/// <param name="ResolvedBy">The id of whoever resolved it; that of the server itself when it resolved by itself.</param>
/// <param name="ItemIds">The last events or messages that it was seen at.</param>
public sealed record Issue(
    long No, string IssueId, long WorkspaceNo, IssueKind Kind, IssueStatus Status, IssueSeverity Severity, string Cause, string Title, string Detail, IssueSubject About,
    long Count, DateTimeOffset FirstSeenAt, DateTimeOffset LastSeenAt, DateTimeOffset? ResolvedAt, string? ResolvedBy, IReadOnlyList<string> ItemIds)
{
    /// <summary>How many of the items at which it was seen are kept, the last of them.</summary>
    public const int MostItems = 20;

    /// <summary>The kinds, by their words.</summary>
    public static FrozenDictionary<string, IssueKind> Kinds { get; } = Enum.GetValues<IssueKind>().ToFrozenDictionary(kind => Word(kind), StringComparer.Ordinal);

    /// <summary>The statuses, by their words.</summary>
    public static FrozenDictionary<string, IssueStatus> Statuses { get; } = Enum.GetValues<IssueStatus>().ToFrozenDictionary(status => Word(status), StringComparer.Ordinal);

    /// <summary>The word of a kind, a status or a severity for the API.</summary>
    public static string Word<T>(T value) where T : struct, Enum =>
        string.Concat(value.ToString().Select((letter, i) => i > 0 && char.IsUpper(letter) ? "_" + char.ToLowerInvariant(letter) : char.ToLowerInvariant(letter).ToString()));

    /// <summary>Whether a person may bring an issue from one status to another. What is over stays so, but that its cause may be ignored from then on.</summary>
    public static bool MayBecome(IssueStatus from, IssueStatus to) => from != to && (from is not IssueStatus.Resolved || to is IssueStatus.Ignored);
}

/// <summary>What an issue is about; what is null it is not about.</summary>
public sealed record IssueSubject(
    string? SourceId = null, string? DestinationId = null, string? AppId = null, string? EndpointId = null, string? Recipient = null, string? EntityKey = null)
{
    /// <summary>The number of the target, for what ends when the target recovers.</summary>
    public long? TargetNo { get; init; }

    /// <summary>The number of the source, for what ends when its feed is as it should be.</summary>
    public long? SourceNo { get; init; }
}

/// <summary>Something that was seen, once or several times, and belongs to an issue: that of its cause, or a new one.</summary>
/// <param name="Cause">What others like it are known by, within the workspace.</param>
/// <param name="Items">The events or messages that it was seen at, or the last of them.</param>
public sealed record Sighting(
    long WorkspaceNo, IssueKind Kind, IssueSeverity Severity, string Cause, string Title, string Detail, IssueSubject About, long Count, DateTimeOffset FirstAt,
    DateTimeOffset LastAt, IReadOnlyList<SeenItem> Items)
{
    /// <summary>Deliveries: how they fail, as the code of an attempt.</summary>
    public string? Error { get; init; }

    /// <summary>Deliveries: nothing else arrives there either, so that one success is a recovery.</summary>
    public bool IsDown { get; init; }

    /// <summary>When it is over if it is not seen again; null when something else ends it.</summary>
    public DateTimeOffset? OverAt { get; init; }
}

/// <summary>An event or a message.</summary>
public sealed record SeenItem(long Seq, string Id);
