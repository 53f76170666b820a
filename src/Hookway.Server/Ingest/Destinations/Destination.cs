using System.Text.Json;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.JmesPath;
using Hookway.Ingest.Verification;
using Hookway.Webhooks;

namespace Hookway.Ingest.Destinations;

/// <summary>A URL, or an app of Dispatch, that receives a source's matching events.</summary>
/// <param name="No">Its number as a delivery target.</param>
/// <param name="DisabledReason">Why it is not enabled; null when it is.</param>
/// <param name="FailingSince">Set while its attempts fail in a row.</param>
/// <param name="DeletedAt">Set when it is gone from lists; its history stays.</param>
public sealed record Destination(
    long No, string DestinationId, long WorkspaceNo, long SourceNo, string SourceId, DestinationSettings Settings, string? DisabledReason, DateTimeOffset? FailingSince,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? DeletedAt, bool SourceIsArchived)
{
    /// <summary>What the view of a source's destinations depends on.</summary>
    public static string Subject(string sourceId) => "destinations:" + sourceId;

    /// <summary>healthy, failing, disabled or paused.</summary>
    public string Status => !Settings.Enabled ? "disabled" : Settings.Paused ? "paused" : FailingSince is not null ? "failing" : "healthy";

    /// <summary>Why nothing may be delivered to it any more; null while it may.</summary>
    public DeliveryChange? Ended =>
        DeletedAt is not null ? DeliveryChange.TargetDeleted
        : SourceIsArchived ? DeliveryChange.SourceArchived
        : Settings.Enabled ? null
        : DeliveryChange.TargetDisabled;

    /// <summary>The destination as the engine schedules it.</summary>
    public DeliveryTarget Target => field ??= new(
        No, Ended, Settings.Paused, Settings.Ordered, Settings.RateLimitPerMinute, Settings.RetryMaxAttempts, Settings.RetryBackoffSeconds, FailingSince is not null);

    /// <summary>Where its requests go; null when it feeds an app.</summary>
    public Uri? Url => field ??= Settings.EndpointUrl is { } url ? new Uri(url) : null;

    /// <summary>What reshapes the body.</summary>
    public JmesExpression? Expression => field ??= Settings.TransformExpression is { } text ? JmesExpression.Read(text).Expression : null;

    private BodyPath? FilterPath => field ??= PathOf(Settings.FilterBodyPath);

    /// <summary>The part of the body that is sent; null for all of it.</summary>
    public BodyPath? TransformPath => field ??= PathOf(Settings.TransformBodyPath);

    /// <summary>Whether an event is for it: a batch is when one of its items is.</summary>
    /// <param name="body">Undefined when the event's body is no JSON.</param>
    public bool Matches(EventFacts facts, Func<JsonElement> body) =>
        (Settings.FilterEventTypes is not { } patterns || patterns.Any(pattern => facts.Types.Any(type => Covers(pattern, type))))
        && (Settings.FilterEntityKey is not { } entity || facts.EntityKeys.Contains(entity))
        && (FilterPath is null || RawJson.Same(FilterPath.Find(body()), Settings.FilterBodyValue!.Value));

    /// <summary>Whether a pattern is the type's name, or, ending in <c>*</c>, a prefix of it.</summary>
    public static bool Covers(string pattern, string? type) => type is not null
        && (pattern.EndsWith('*') ? type.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal) : pattern == type);

    private static BodyPath? PathOf(string? text) => text is not null && BodyPath.TryParse(text, out var path) ? path : null;
}

/// <summary>What a caller sets of a destination.</summary>
/// <param name="EndpointUrl">Where events go; null when they go to <paramref name="AppId"/>.</param>
/// <param name="Secret">What signs requests by Standard Webhooks; null when they are not signed.</param>
/// <param name="FilterEventTypes">Names, or prefixes such as <c>invoice.*</c>; null for all types.</param>
/// <param name="FilterBodyValue">A scalar, which the value at <paramref name="FilterBodyPath"/> must equal.</param>
/// <param name="TransformBodyPath">The part of the body that is sent; null for all of it.</param>
/// <param name="TransformExpression">JMESPath, applied to that part.</param>
/// <param name="Headers">Custom headers, name → value; values are secrets.</param>
public sealed record DestinationSettings(
    string Name, string? EndpointUrl, string? AppId, bool Enabled, bool Paused, WebhookSecret? Secret, IReadOnlyList<string>? FilterEventTypes, string? FilterEntityKey,
    string? FilterBodyPath, JsonElement? FilterBodyValue, string? TransformBodyPath, string? TransformExpression, IReadOnlyDictionary<string, string> Headers,
    int RetryMaxAttempts, int RetryBackoffSeconds, int? RateLimitPerMinute, bool Ordered)
{
    public const int DefaultRetryMaxAttempts = 8;
    public const int DefaultRetryBackoffSeconds = 5;

    /// <summary>Whether the body is sent otherwise than it came.</summary>
    public bool Transforms => TransformBodyPath is not null || TransformExpression is not null;
}
