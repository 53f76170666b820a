using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Sources;

/// <summary>The body of "create a source".</summary>
/// <param name="Name">Required; 1 to 200 characters.</param>
/// <param name="Vendor">The key of a preset, such as <c>stripe</c>; <c>custom</c> when absent.</param>
/// <param name="SigningSecret">The vendor's secret, or a list of up to 10 of which any may have signed (rotation). Without one events are kept as <c>unchecked</c>.</param>
/// <param name="Verification">How the sender of a custom source signs.</param>
/// <param name="PublicUrl">The URL as given to the vendor, where that is not the ingest URL: for vendors that sign it.</param>
/// <param name="ForwardDuplicates">
/// Forward an event also when one with the same vendor's id came before; default false. What has no id and only the same content as an event of the same day (UTC) is marked as its duplicate and forwarded in any case.
/// </param>
/// <param name="RetentionDays">How long its events are kept, where that is to be shorter than otherwise.</param>
/// <param name="RateLimitPerMinute">The most requests a minute that are taken; others are answered 429. Absent: no limit.</param>
/// <param name="Expectations">Rules of the vendor (its <c>gapRules</c>) and of every source, by name, with the seconds that they wait (10 to 34,560,000), or null to switch one off. Those of every source: <c>late</c> (900), <c>silence</c> (21600), and, to be switched off alone, <c>order</c>, <c>duplicates</c>, <c>retries</c>, <c>schema</c> and <c>downtime</c>. A change applies to what begins to wait from then on.</param>
public sealed record CreateSource(
    [property: Required] string? Name, string? Vendor, Secrets? SigningSecret, CustomVerification? Verification, string? PublicUrl, bool? ForwardDuplicates,
    int? RetentionDays, int? RateLimitPerMinute, IReadOnlyDictionary<string, int?>? Expectations) : IRequestBody;

/// <summary>The body of "change a source": absent fields stay, null restores the default.</summary>
/// <param name="Expectations">Takes the place of all that were set before.</param>
public sealed record ChangeSource(
    Optional<string> Name, Optional<string> Vendor, Optional<Secrets> SigningSecret, Optional<CustomVerification> Verification, Optional<string> PublicUrl,
    Optional<bool?> ForwardDuplicates, Optional<bool?> Enabled, Optional<int?> RetentionDays, Optional<int?> RateLimitPerMinute,
    Optional<IReadOnlyDictionary<string, int?>> Expectations) : IRequestBody;

/// <summary>The body of "rotate a source's token".</summary>
/// <param name="GracePeriodSeconds">How long the old URL still works, 0 to 604800; default 86400.</param>
public sealed record RotateToken(int? GracePeriodSeconds) : IRequestBody
{
    public const int DefaultGraceSeconds = 86_400;
    public const int MostGraceSeconds = 604_800;
    public const int MostPrevious = 5;
}

/// <summary>A source, as the API shows it.</summary>
/// <param name="IngestUrl">What to give to the vendor. Its last part is a secret: shown to callers with <c>ingest:write</c>, masked for others.</param>
/// <param name="PublicUrl">The URL as given to the vendor, where it was set.</param>
/// <param name="HasSigningSecret">Whether requests are checked.</param>
/// <param name="Enabled">Otherwise events are kept and not forwarded.</param>
/// <param name="Expectations">The rules that were set: the seconds that they wait, or null for those that are switched off. All others are as usual.</param>
/// <param name="LastEventAt">When the last request came that is in the ledger.</param>
public sealed record SourceResource(
    string SourceId, string Name, string Vendor, string IngestUrl, string? PublicUrl, bool HasSigningSecret, CustomVerification? Verification, bool ForwardDuplicates,
    bool Enabled, int? RetentionDays, int? RateLimitPerMinute, IReadOnlyDictionary<string, int?> Expectations, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ArchivedAt, DateTimeOffset? LastEventAt,
    IngestCounts Counts)
{
    /// <param name="address">The server's, as callers know it.</param>
    /// <param name="showToken">Whether the caller may send to it.</param>
    public static SourceResource Of(Source source, SourceCounts counts, string address, bool showToken) => new(
        source.SourceId, source.Settings.Name, source.Settings.Vendor, address + (showToken ? source.IngestPath : source.MaskedPath),
        showToken ? source.Settings.PublicUrl : source.MaskedPublicUrl,
        source.Settings.Secrets.Count > 0, source.Settings.Verification, source.Settings.ForwardDuplicates, source.Settings.Enabled, source.Settings.RetentionDays,
        source.Settings.RateLimitPerMinute, source.Settings.Expectations.Seconds, source.CreatedAt, source.UpdatedAt, source.ArchivedAt, counts.LastEventAt,
        new IngestCounts(counts.Events, counts.Verified, counts.Failed, counts.Unchecked, counts.Duplicates, counts.Refused));
}

/// <summary>How many requests a source has had, from its beginning on.</summary>
/// <param name="Events">Those in the ledger.</param>
/// <param name="Failed">Of these, those whose signature was wrong.</param>
/// <param name="Duplicates">Of these, those that the vendor had sent before.</param>
/// <param name="Refused">Those that are not in the ledger: too large, or too many.</param>
public sealed record IngestCounts(long Events, long Verified, long Failed, long Unchecked, long Duplicates, long Refused);

/// <summary>A source, as the audit log keeps it: without the secrets and the token.</summary>
public sealed record SourceAudit(
    string SourceId, string Name, string Vendor, string? PublicUrl, int SigningSecrets, CustomVerification? Verification, bool ForwardDuplicates, bool Enabled,
    int? RetentionDays, int? RateLimitPerMinute, IReadOnlyDictionary<string, int?> Expectations)
{
    public static SourceAudit Of(Source source) => new(
        source.SourceId, source.Settings.Name, source.Settings.Vendor, source.MaskedPublicUrl, source.Settings.Secrets.Count, source.Settings.Verification,
        source.Settings.ForwardDuplicates, source.Settings.Enabled, source.Settings.RetentionDays, source.Settings.RateLimitPerMinute,
        source.Settings.Expectations.Seconds);
}

/// <summary>One signing secret as text, or several as a list.</summary>
[JsonConverter(typeof(TextOrList))]
public sealed record Secrets(IReadOnlyList<string> Texts)
{
    private sealed class TextOrList : JsonConverter<Secrets>
    {
        public override Secrets Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType is JsonTokenType.String)
            {
                return new Secrets([reader.GetString()!]);
            }
            var list = new List<string>();
            var isList = reader.TokenType is JsonTokenType.StartArray;
            while (isList && reader.Read() && reader.TokenType is JsonTokenType.String)
            {
                list.Add(reader.GetString()!);
            }
            return isList && reader.TokenType is JsonTokenType.EndArray ? new Secrets(list) : throw new JsonException("must be a text or a list of texts");
        }

        public override void Write(Utf8JsonWriter writer, Secrets value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value.Texts, options);
    }
}
