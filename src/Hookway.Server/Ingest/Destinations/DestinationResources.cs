using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Ingest.Destinations;

/// <summary>The body of "create a destination": a URL, or an app of Dispatch, that gets the source's matching events.</summary>
/// <param name="Name">Required; 1 to 200 characters.</param>
/// <param name="SourceId">Required.</param>
/// <param name="EndpointUrl">Where events go: http or https, at most 2048 characters. Required, unless there is an <c>appId</c>. A query that came with the event is added to its own.</param>
/// <param name="AppId">
/// In place of <c>endpointUrl</c>: each event becomes a message of this app, to the recipient that the app's routing key names. Its <c>messageId</c> is the event's id, its type the event's, with a dot for
/// each character that a type's name may not have (<c>orders/create</c> becomes <c>orders.create</c>), its <c>data</c> the body.
/// </param>
/// <param name="SigningSecret">A <c>whsec_</c> secret or <c>whsk_</c> key: requests then carry the Standard Webhooks headers, in place of any that the vendor sent. Absent: they do not.</param>
/// <param name="FilterEventTypes">Names, or prefixes such as <c>invoice.*</c>, as a list or as text with commas; blank for all. A batch is for it when one of its items is.</param>
/// <param name="FilterEntityKey">Only events of this entity; a batch when one of its items is.</param>
/// <param name="FilterBodyPath">Only events whose body has <c>filterBodyValue</c> at this dotted path.</param>
/// <param name="FilterBodyValue">A text, a number, true, false or null; JSON types count.</param>
/// <param name="TransformBodyPath">Send the part of the body at this dotted path alone.</param>
/// <param name="TransformExpression">Send what this JMESPath expression makes of the body, or of that part. An event to which it cannot be applied is a failed attempt.</param>
/// <param name="RetryMaxAttempts">1 to 20, default 8.</param>
/// <param name="RetryBackoffSeconds">1 to 3600, default 5: the first delay, with which the others scale.</param>
/// <param name="RateLimitPerMinute">Null for no limit.</param>
/// <param name="Headers">At most 20 custom headers, in place of any of the same name that the vendor sent; their values are shown masked.</param>
/// <param name="Ordered">One delivery at a time, in acceptance order.</param>
public sealed record CreateDestination(
    [property: Required] string? Name, [property: Required] string? SourceId, string? EndpointUrl, string? AppId, string? SigningSecret, TypeList? FilterEventTypes,
    string? FilterEntityKey, string? FilterBodyPath, Optional<JsonElement> FilterBodyValue, string? TransformBodyPath, string? TransformExpression, int? RetryMaxAttempts,
    int? RetryBackoffSeconds, int? RateLimitPerMinute, IReadOnlyDictionary<string, string?>? Headers, bool? Ordered) : IRequestBody
{
    public DestinationSettings ToSettings(FieldErrors errors) => new(
        Name ?? "", EndpointUrl, AppId, Enabled: true, Paused: false, DestinationRules.SecretOf(SigningSecret, errors), FilterEventTypes?.Names, Blank.Null(FilterEntityKey),
        Blank.Null(FilterBodyPath), ValueOf(FilterBodyValue, Blank.Null(FilterBodyPath)), Blank.Null(TransformBodyPath), Blank.Null(TransformExpression),
        CustomHeaders.Merge(CustomHeaders.None, Headers), RetryMaxAttempts ?? DestinationSettings.DefaultRetryMaxAttempts,
        RetryBackoffSeconds ?? DestinationSettings.DefaultRetryBackoffSeconds, RateLimitPerMinute, Ordered ?? false);

    /// <summary>Null where there is no path is no value; beside one it is the value.</summary>
    internal static JsonElement? ValueOf(Optional<JsonElement> given, string? path) =>
        !given.IsSet || (path is null && given.Value.ValueKind is JsonValueKind.Null) ? null : given.Value;
}

/// <summary>The body of "change a destination": absent fields stay, null restores the default.</summary>
/// <param name="Name">Not null.</param>
/// <param name="EndpointUrl">Not null, and only of a destination that has one.</param>
/// <param name="AppId">Not null, and only of a destination that has one.</param>
/// <param name="SigningSecret">Null: requests are not signed any more.</param>
/// <param name="FilterEventTypes">Names, or prefixes such as <c>invoice.*</c>, as a list or as text with commas; null or blank for all.</param>
/// <param name="FilterBodyPath">Null takes <c>filterBodyValue</c> with it.</param>
/// <param name="FilterBodyValue">A text, a number, true, false or null; JSON types count.</param>
/// <param name="Headers">Merged: an absent header stays, null removes one; null in place of the object removes all.</param>
/// <param name="RateLimitPerMinute">Null for no limit.</param>
/// <param name="Ordered">Not null.</param>
/// <param name="Enabled">Not null. False ends its pending deliveries and creates no new ones.</param>
/// <param name="Paused">Not null. True holds its deliveries until it is false again.</param>
public sealed record ChangeDestination(
    Optional<string> Name, Optional<string> EndpointUrl, Optional<string> AppId, Optional<string> SigningSecret, Optional<TypeList> FilterEventTypes,
    Optional<string> FilterEntityKey, Optional<string> FilterBodyPath, Optional<JsonElement> FilterBodyValue, Optional<string> TransformBodyPath,
    Optional<string> TransformExpression, Optional<int?> RetryMaxAttempts, Optional<int?> RetryBackoffSeconds, Optional<int?> RateLimitPerMinute,
    Optional<IReadOnlyDictionary<string, string?>> Headers, Optional<bool?> Ordered, Optional<bool?> Enabled, Optional<bool?> Paused) : IRequestBody
{
    public DestinationSettings Apply(DestinationSettings old, FieldErrors errors)
    {
        if (EndpointUrl.IsSet && old.AppId is not null)
        {
            errors.Add("endpointUrl", "is not for a destination that feeds an app; create another one");
        }
        if (AppId.IsSet && old.AppId is null)
        {
            errors.Add("appId", "is not for a destination that has a URL; create another one");
        }
        var path = FilterBodyPath.IsSet ? Blank.Null(FilterBodyPath.Value) : old.FilterBodyPath;
        return new(
            Name.NotNull("name", old.Name, errors)!, old.AppId is null ? EndpointUrl!.NotNull("endpointUrl", old.EndpointUrl, errors) : null,
            old.AppId is null ? null : AppId!.NotNull("appId", old.AppId, errors),
            Enabled.NotNull("enabled", old.Enabled, errors)!.Value, Paused.NotNull("paused", old.Paused, errors)!.Value,
            SigningSecret.IsSet ? DestinationRules.SecretOf(SigningSecret.Value, errors) : old.Secret,
            FilterEventTypes.IsSet ? FilterEventTypes.Value?.Names : old.FilterEventTypes, FilterEntityKey.IsSet ? Blank.Null(FilterEntityKey.Value) : old.FilterEntityKey,
            path, FilterBodyValue.IsSet ? CreateDestination.ValueOf(FilterBodyValue, path) : path is null && FilterBodyPath.IsSet ? null : old.FilterBodyValue,
            TransformBodyPath.IsSet ? Blank.Null(TransformBodyPath.Value) : old.TransformBodyPath,
            TransformExpression.IsSet ? Blank.Null(TransformExpression.Value) : old.TransformExpression,
            !Headers.IsSet ? old.Headers : Headers.Value is null ? CustomHeaders.None : CustomHeaders.Merge(old.Headers, Headers.Value),
            RetryMaxAttempts.Or(old.RetryMaxAttempts, DestinationSettings.DefaultRetryMaxAttempts)!.Value,
            RetryBackoffSeconds.Or(old.RetryBackoffSeconds, DestinationSettings.DefaultRetryBackoffSeconds)!.Value,
            RateLimitPerMinute.Or(old.RateLimitPerMinute, null), Ordered.NotNull("ordered", old.Ordered, errors)!.Value);
    }
}

/// <summary>A destination, as the API shows it.</summary>
/// <param name="EndpointUrl">Null when it feeds an app.</param>
/// <param name="FilterEventTypes">Null for all.</param>
/// <param name="Headers">Names with masked values.</param>
/// <param name="Status">healthy, failing, disabled or paused.</param>
public sealed record DestinationResource(
    string DestinationId, string Name, string SourceId, string? EndpointUrl, string? AppId, bool HasSigningSecret, IReadOnlyList<string>? FilterEventTypes, string? FilterEntityKey,
    string? FilterBodyPath, JsonElement? FilterBodyValue, string? TransformBodyPath, string? TransformExpression, int RetryMaxAttempts, int RetryBackoffSeconds,
    int? RateLimitPerMinute, IReadOnlyDictionary<string, string> Headers, bool Ordered, bool Enabled, bool Paused, string? DisabledReason,
    [property: AllowedValues("healthy", "failing", "disabled", "paused")] string Status, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static DestinationResource Of(Destination found) => new(
        found.DestinationId, found.Settings.Name, found.SourceId, found.Settings.EndpointUrl, found.Settings.AppId, found.Settings.Secret is not null,
        found.Settings.FilterEventTypes, found.Settings.FilterEntityKey, found.Settings.FilterBodyPath, found.Settings.FilterBodyValue, found.Settings.TransformBodyPath,
        found.Settings.TransformExpression, found.Settings.RetryMaxAttempts, found.Settings.RetryBackoffSeconds, found.Settings.RateLimitPerMinute,
        CustomHeaders.Masked(found.Settings.Headers), found.Settings.Ordered, found.Settings.Enabled, found.Settings.Paused, found.DisabledReason, found.Status,
        found.CreatedAt, found.UpdatedAt);
}

/// <summary>Names of types as a list, or as text with commas between them.</summary>
/// <param name="Names">Null when there are none, which means all types.</param>
[JsonConverter(typeof(TextOrList))]
public sealed record TypeList(IReadOnlyList<string>? Names)
{
    private sealed class TextOrList : JsonConverter<TypeList>
    {
        public override TypeList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var names = new List<string>();
            if (reader.TokenType is JsonTokenType.String)
            {
                names.AddRange(reader.GetString()!.Split(','));
            }
            else
            {
                var isList = reader.TokenType is JsonTokenType.StartArray;
                while (isList && reader.Read() && reader.TokenType is JsonTokenType.String)
                {
                    names.Add(reader.GetString()!);
                }
                if (!isList || reader.TokenType is not JsonTokenType.EndArray)
                {
                    throw new JsonException("must be a text or a list of texts");
                }
            }
            names = [.. names.Select(name => name.Trim()).Where(name => name.Length > 0)];
            return new TypeList(names.Count == 0 ? null : names);
        }

        public override void Write(Utf8JsonWriter writer, TypeList value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value.Names, options);
    }
}

/// <summary>Text that is left blank in a form is no text.</summary>
internal static class Blank
{
    public static string? Null(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
