using System.ComponentModel.DataAnnotations;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Dispatch.Endpoints;

/// <summary>The body of "create an endpoint".</summary>
/// <param name="Recipient">Required; made when it is unknown.</param>
/// <param name="Url">Required; http or https, at most 2048 characters.</param>
/// <param name="EventTypes">Names, or prefixes such as <c>invoice.*</c>; null or [] for all.</param>
/// <param name="Filter">Conditions on <c>data</c> that must all hold.</param>
/// <param name="Headers">At most 20 custom headers; their values are shown masked.</param>
/// <param name="Secret">A <c>whsec_</c> secret, or a <c>whsk_</c> key for ed25519; made when absent.</param>
/// <param name="Signature"><c>hmac-sha256</c> (default) or <c>ed25519</c>.</param>
/// <param name="RetryMaxAttempts">1 to 20, default 8.</param>
/// <param name="RetryBackoffSeconds">1 to 3600, default 5: the first delay, with which the others scale.</param>
/// <param name="RateLimitPerMinute">Null for no limit.</param>
/// <param name="Ordered">One delivery at a time, in acceptance order.</param>
public sealed record CreateEndpoint(
    [property: Required] string? Recipient, [property: Required] string? Url, string? Name, IReadOnlyList<string>? EventTypes, string? RecipientName, IReadOnlyList<FilterCondition>? Filter,
    IReadOnlyDictionary<string, string?>? Headers, string? Secret,
    [property: AllowedValues("hmac-sha256", "ed25519")] string? Signature, int? RetryMaxAttempts, int? RetryBackoffSeconds,
    int? RateLimitPerMinute, bool? Ordered) : IRequestBody
{
    public EndpointSettings ToSettings(FieldErrors errors) => new(
        Url ?? "", Name, Enabled: true, Paused: false, EventTypes is { Count: > 0 } ? EventTypes : null, EndpointFilter.From(Filter, errors),
        CustomHeaders.Merge(CustomHeaders.None, Headers), RetryMaxAttempts ?? EndpointSettings.DefaultRetryMaxAttempts,
        RetryBackoffSeconds ?? EndpointSettings.DefaultRetryBackoffSeconds, RateLimitPerMinute, Ordered ?? false);
}

/// <summary>The body of "change an endpoint": absent fields stay, null restores the default.</summary>
/// <param name="Url">Not null.</param>
/// <param name="Name">Not null.</param>
/// <param name="EventTypes">Names, or prefixes such as <c>invoice.*</c>; null or [] for all.</param>
/// <param name="Filter">Conditions on <c>data</c> that must all hold.</param>
/// <param name="Headers">Merged: an absent header stays, null removes one; null in place of the object removes all.</param>
/// <param name="RetryMaxAttempts">1 to 20, default 8.</param>
/// <param name="RetryBackoffSeconds">1 to 3600, default 5.</param>
/// <param name="RateLimitPerMinute">Null for no limit.</param>
/// <param name="Ordered">Not null.</param>
/// <param name="Enabled">Not null. False ends its pending deliveries and creates no new ones.</param>
/// <param name="Paused">Not null. True holds its deliveries until it is false again.</param>
public sealed record ChangeEndpoint(
    Optional<string> Url, Optional<string> Name, Optional<IReadOnlyList<string>> EventTypes, Optional<IReadOnlyList<FilterCondition>> Filter,
    Optional<IReadOnlyDictionary<string, string?>> Headers, Optional<int?> RetryMaxAttempts, Optional<int?> RetryBackoffSeconds,
    Optional<int?> RateLimitPerMinute, Optional<bool?> Ordered, Optional<bool?> Enabled, Optional<bool?> Paused) : IRequestBody
{
    public EndpointSettings Apply(EndpointSettings old, FieldErrors errors) => new(
        Url.NotNull("url", old.Url, errors)!, Name!.NotNull("name", old.Name, errors),
        Enabled.NotNull("enabled", old.Enabled, errors)!.Value, Paused.NotNull("paused", old.Paused, errors)!.Value,
        !EventTypes.IsSet ? old.EventTypes : EventTypes.Value is { Count: > 0 } types ? types : null,
        !Filter.IsSet ? old.Filter : EndpointFilter.From(Filter.Value, errors),
        !Headers.IsSet ? old.Headers : Headers.Value is null ? CustomHeaders.None : CustomHeaders.Merge(old.Headers, Headers.Value),
        RetryMaxAttempts.Or(old.RetryMaxAttempts, EndpointSettings.DefaultRetryMaxAttempts)!.Value,
        RetryBackoffSeconds.Or(old.RetryBackoffSeconds, EndpointSettings.DefaultRetryBackoffSeconds)!.Value,
        RateLimitPerMinute.Or(old.RateLimitPerMinute, null), Ordered.NotNull("ordered", old.Ordered, errors)!.Value);
}

/// <summary>The body of "rotate the signing secret".</summary>
/// <param name="Secret">The new secret; made when absent.</param>
/// <param name="Signature">The new scheme; the old one when absent.</param>
/// <param name="GracePeriodSeconds">0 to 604800, default 86400; 0 ends every earlier secret at once.</param>
public sealed record RotateSecret(string? Secret, string? Signature, int? GracePeriodSeconds) : IRequestBody
{
    public const int DefaultGraceSeconds = 86_400;
    public const int MostGraceSeconds = 604_800;
    public const int MostPrevious = 5;
}

/// <summary>The body of "send a test message".</summary>
/// <param name="Type">A published type, whose example is sent; absent: a message of the type <c>hookway.test</c>.</param>
public sealed record TestEndpoint(string? Type) : IRequestBody;

/// <summary>The body of "replay to an endpoint".</summary>
/// <param name="Since">Required: messages accepted at or after this time.</param>
/// <param name="Until">Only messages accepted before this time.</param>
/// <param name="Status"><c>failed</c> (default): what failed, and what was canceled because the endpoint was disabled or with a canceled replay. <c>missing</c>: what
/// matches the endpoint now and was never on its way to it. <c>all</c>: both, what succeeded, and what is pending, which becomes due now; but not what was canceled by a person.</param>
/// <param name="Types">Only these event types, by name or by a prefix such as <c>invoice.*</c>; null or [] for all.</param>
public sealed record ReplayEndpoint(
    [property: Required] DateTimeOffset? Since, DateTimeOffset? Until, [property: AllowedValues("failed", "missing", "all")] string? Status,
    IReadOnlyList<string>? Types) : IRequestBody;

/// <summary>An endpoint's secrets.</summary>
/// <param name="Secret">The <c>whsec_</c> secret, or the <c>whpk_</c> public key of an ed25519 endpoint.</param>
/// <param name="PreviousSecrets">Those that still sign as well.</param>
public sealed record EndpointSecret(string Secret, IReadOnlyList<PreviousSecretResource> PreviousSecrets);

/// <summary>A secret that still signs.</summary>
public sealed record PreviousSecretResource(DateTimeOffset ExpiresAt);

/// <summary>The answer to a rotation.</summary>
public sealed record RotatedSecret(string Secret, DateTimeOffset? PreviousSecretExpiresAt);

/// <summary>An endpoint, as the API shows it.</summary>
/// <param name="Headers">Names with masked values.</param>
/// <param name="Status">healthy, failing, disabled or paused.</param>
public record EndpointResource(
    string EndpointId, string AppId, string Recipient, string Url, string? Name, bool Enabled, bool Paused, string? DisabledReason,
    IReadOnlyList<string>? EventTypes, IReadOnlyList<FilterCondition>? Filter, IReadOnlyDictionary<string, string> Headers, string Signature,
    int RetryMaxAttempts, int RetryBackoffSeconds, int? RateLimitPerMinute, bool Ordered,
    [property: AllowedValues("healthy", "failing", "disabled", "paused")] string Status, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static EndpointResource Of(WebhookEndpoint endpoint) => new(
        endpoint.EndpointId, endpoint.AppId, endpoint.Recipient, endpoint.Settings.Url, endpoint.Settings.Name, endpoint.Settings.Enabled, endpoint.Settings.Paused,
        endpoint.DisabledReason, endpoint.Settings.EventTypes, endpoint.Settings.Filter?.Conditions,
        CustomHeaders.Masked(endpoint.Settings.Headers), SignatureNames.Of(endpoint.Secret.Scheme),
        endpoint.Settings.RetryMaxAttempts, endpoint.Settings.RetryBackoffSeconds, endpoint.Settings.RateLimitPerMinute, endpoint.Settings.Ordered,
        endpoint.Status, endpoint.CreatedAt, endpoint.UpdatedAt);
}

/// <summary>An endpoint with its secret: the answer to its creation.</summary>
public sealed record EndpointWithSecret : EndpointResource
{
    private EndpointWithSecret(EndpointResource endpoint, string secret) : base(endpoint) => Secret = secret;

    /// <summary>The <c>whsec_</c> secret, or the <c>whpk_</c> public key of an ed25519 endpoint.</summary>
    public string Secret { get; }

    public static new EndpointWithSecret Of(WebhookEndpoint endpoint) => new(EndpointResource.Of(endpoint), SignatureNames.Shown(endpoint.Secret));
}
