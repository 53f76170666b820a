using System.Collections.Frozen;
using System.Globalization;
using Hookway.Api;
using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Webhooks;

namespace Hookway.Ingest.Destinations;

/// <summary>
/// The request by which an event reaches a URL: method, body and headers as the vendor sent them, without what belongs to one connection, so that the vendor's own library
/// still verifies it. What the destination sets stands in place of what came under the same name.
/// </summary>
internal static class ForwardedRequest
{
    private const string EventId = "hookway-event-id";
    private const string SourceId = "hookway-source";
    private const string Attempt = "hookway-attempt";
    private const string ContentType = "content-type";

    /// <summary>What belongs to the vendor's connection (RFC 9110 §7.6.1) or frames its message, and what only Hookway may say.</summary>
    private static readonly FrozenSet<string> Dropped = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect",
        "host", "content-length", EventId, SourceId, Attempt);

    /// <summary>What describes the body's bytes, and is wrong of others.</summary>
    private static readonly FrozenSet<string> OfBody = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase, ContentType, "content-encoding", "content-language", "content-location", "content-range", "content-md5", "content-digest", "repr-digest", "digest");

    private static readonly FrozenSet<string> Signing = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase, WebhookHeaders.Id, WebhookHeaders.Timestamp, WebhookHeaders.Signature);

    /// <param name="secrets">What is secret by the source as it is now; what was secret when the event came stays so.</param>
    public static PreparedAttempt Of(Destination destination, SecretParts secrets, EventContent content, ReadOnlyMemory<byte> body, int number, DateTimeOffset now)
    {
        var settings = destination.Settings;
        var headers = new List<KeyValuePair<string, string>>(content.Headers.Count + settings.Headers.Count + 6);
        var shown = new List<KeyValuePair<string, string>>(headers.Capacity);
        var named = NamedByConnection(content.Headers);
        foreach (var (name, value) in content.Headers)
        {
            if (Dropped.Contains(name) || named?.Contains(name) == true || settings.Headers.ContainsKey(name)
                || (settings.Secret is not null && Signing.Contains(name)) || (settings.Transforms && OfBody.Contains(name)))
            {
                continue;
            }
            Add(name, value, secrets.Hides(name) || content.Secrets.Hides(name));
        }
        if (settings.Transforms)
        {
            Add(ContentType, "application/json", false);
        }
        Add(EventId, content.EventId, false);
        Add(SourceId, content.SourceId, false);
        Add(Attempt, number.ToString(CultureInfo.InvariantCulture), false);
        if (settings.Secret is { } secret)
        {
            Add(WebhookHeaders.Id, content.EventId, false);
            Add(WebhookHeaders.Timestamp, now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), false);
            Add(WebhookHeaders.Signature, WebhookSignature.Sign([secret], content.EventId, now, body.Span), false);
        }
        foreach (var (name, value) in settings.Headers)
        {
            Add(name, value, true);
        }
        var url = UrlWith(destination.Url!, content.Query);
        var shownUrl = secrets.Shown(content.Secrets.Shown(content.Query)) is var query && query == content.Query ? null : UrlWith(destination.Url!, query).AbsoluteUri;
        return new PreparedAttempt(new DeliveryRequest(new HttpMethod(content.Method), url, headers, body), shown, shownUrl);

        void Add(string name, string value, bool isSecret)
        {
            headers.Add(new(name, value));
            shown.Add(isSecret ? new(name, CustomHeaders.Mask) : headers[^1]);
        }
    }

    private static HashSet<string>? NamedByConnection(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        HashSet<string>? named = null;
        foreach (var (name, value) in headers)
        {
            if (name.Equals("connection", StringComparison.OrdinalIgnoreCase))
            {
                (named ??= new(StringComparer.OrdinalIgnoreCase)).UnionWith(value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
            }
        }
        return named;
    }

    private static Uri UrlWith(Uri url, string query)
    {
        if (query.Length == 0)
        {
            return url;
        }
        var bare = url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped);
        return new Uri($"{bare}{(url.Query.Length > 1 ? "&" : url.Query.Length == 1 ? "" : "?")}{query}");
    }
}
