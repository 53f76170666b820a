using System.Text.Json;
using Hookway.Deliveries;
using Hookway.Dispatch.EventTypes;
using Hookway.Webhooks;

namespace Hookway.Dispatch.Endpoints;

/// <summary>A URL of a recipient that receives messages.</summary>
/// <param name="No">Its number as a delivery target.</param>
/// <param name="DisabledReason">Why it is not enabled; null when it is.</param>
/// <param name="Secret">What signs its messages now.</param>
/// <param name="PreviousSecrets">What signs them as well, each until its grace ends.</param>
/// <param name="FailingSince">Set while its attempts fail in a row.</param>
/// <param name="DeletedAt">Set when it is gone from lists; its history stays.</param>
public sealed record WebhookEndpoint(
    long No, string EndpointId, string AppId, long AppNo, long RecipientNo, string Recipient, EndpointSettings Settings, string? DisabledReason,
    WebhookSecret Secret, IReadOnlyList<PreviousSecret> PreviousSecrets, DateTimeOffset? FailingSince,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? DeletedAt, bool AppIsArchived)
{
    /// <summary>healthy, failing, disabled or paused.</summary>
    public string Status => !Settings.Enabled ? "disabled" : Settings.Paused ? "paused" : FailingSince is not null ? "failing" : "healthy";

    /// <summary>Why nothing may be delivered to it any more; null while it may.</summary>
    public DeliveryChange? Ended =>
        DeletedAt is not null ? DeliveryChange.TargetDeleted
        : AppIsArchived ? DeliveryChange.AppArchived
        : Settings.Enabled ? null
        : DeliveryChange.TargetDisabled;

    /// <summary>The secrets that sign a request made now, the current one first.</summary>
    public WebhookSecret[] SecretsAt(DateTimeOffset now) =>
        PreviousSecrets.Count == 0 ? [Secret] : [Secret, .. PreviousSecrets.Where(previous => previous.ExpiresAt > now).Select(previous => previous.Secret)];

    /// <summary>The endpoint as the engine schedules it.</summary>
    public DeliveryTarget Target => field ??= new(
        No, Ended, Settings.Paused, Settings.Ordered, Settings.RateLimitPerMinute,
        Settings.RetryMaxAttempts, Settings.RetryBackoffSeconds, FailingSince is not null);

    /// <summary>Where its requests go.</summary>
    public Uri Url => field ??= new Uri(Settings.Url);
}

/// <summary>A secret that still signs, beside the one that replaced it.</summary>
public sealed record PreviousSecret(WebhookSecret Secret, DateTimeOffset ExpiresAt);

/// <summary>What a caller sets on an endpoint. The defaults are those of an endpoint made with a URL alone.</summary>
/// <param name="EventTypes">Names, or prefixes such as <c>invoice.*</c>; null for all types.</param>
/// <param name="Headers">Custom headers, name → value; values are secrets.</param>
/// <param name="RetryMaxAttempts">1 to 20.</param>
/// <param name="RetryBackoffSeconds">1 to 3600: the first delay, with which the others scale.</param>
/// <param name="RateLimitPerMinute">Null for no limit.</param>
public sealed record EndpointSettings(
    string Url, string? Name, bool Enabled, bool Paused, IReadOnlyList<string>? EventTypes, EndpointFilter? Filter,
    IReadOnlyDictionary<string, string> Headers, int RetryMaxAttempts, int RetryBackoffSeconds, int? RateLimitPerMinute, bool Ordered)
{
    public const int DefaultRetryMaxAttempts = 8;
    public const int DefaultRetryBackoffSeconds = 5;
    private const string AnySuffix = ".*";

    public bool Subscribes(string eventType) => EventTypes is null || EventTypes.Any(pattern => Covers(pattern, eventType));

    /// <summary>Whether a pattern is the type's name, or a prefix of it.</summary>
    public static bool Covers(string pattern, string eventType) => pattern.EndsWith(AnySuffix, StringComparison.Ordinal)
        ? eventType.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal)
        : pattern == eventType;

    /// <summary>Whether a message of this type with this <c>data</c> is for the endpoint.</summary>
    /// <param name="data">Parsed when the first filter asks for it.</param>
    public bool Matches(string eventType, Lazy<JsonElement> data) => Subscribes(eventType) && (Filter is null || Filter.Matches(data.Value));

    /// <summary>Why a new message of this type with this <c>data</c> is not for the endpoint; null when it is.</summary>
    public MismatchReason? Mismatch(string eventType, Lazy<JsonElement> data) =>
        !Enabled ? MismatchReason.Disabled : !Subscribes(eventType) ? MismatchReason.NotSubscribed : Filter is null || Filter.Matches(data.Value) ? null : MismatchReason.FilteredOut;

    /// <summary>A type's name, or a prefix of names that ends in <c>.*</c>.</summary>
    public static bool IsPattern(string? text) =>
        text is not null && EventType.IsName(text.EndsWith(AnySuffix, StringComparison.Ordinal) ? text[..^AnySuffix.Length] : text);
}

/// <summary>Why a message was not for an endpoint of its recipient.</summary>
public enum MismatchReason
{
    Disabled,
    NotSubscribed,
    FilteredOut,
}

/// <summary>The codes of <see cref="MismatchReason"/>.</summary>
public static class MismatchReasons
{
    public static string Code(this MismatchReason reason) => reason switch
    {
        MismatchReason.Disabled => "disabled",
        MismatchReason.NotSubscribed => "not_subscribed",
        MismatchReason.FilteredOut => "filtered_out",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
