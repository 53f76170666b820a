using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Sources;

/// <summary>
/// Keeps secrets of received requests unreadable at rest: tokens, passwords and cookies in headers, and a token in the query. They are sealed under a key of the source,
/// which is sealed under the master key: when that is rotated only sources are wrapped anew, not every event.
/// </summary>
public sealed class EventSeal
{
    private const string QueryKey = "query";
    private const string UrlKey = "url";

    private static readonly string[] AlwaysSecret = ["authorization", "proxy-authorization", "cookie"];

    private readonly SecretProtector _protector;
    private readonly bool _isUrlSigned;

    /// <param name="dataKey">The source's own, in base64.</param>
    public EventSeal(string dataKey, VerificationScheme scheme)
    {
        _protector = new SecretProtector(Convert.FromBase64String(dataKey));
        Secrets = new SecretParts(
            new HashSet<string>(AlwaysSecret.Concat(scheme.SecretHeaders), StringComparer.OrdinalIgnoreCase),
            scheme.Algorithm is VerificationAlgorithm.Token && scheme.Signature.Any(place => place.StartsWith("query:", StringComparison.Ordinal)));
        _isUrlSigned = scheme.SignsUrl;
    }

    /// <summary>A new key for a source.</summary>
    public static string NewDataKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Length));

    /// <summary>What is secret of requests by the source's scheme as it is now.</summary>
    public SecretParts Secrets { get; }

    /// <summary>A request as it is kept: what may be read, and what is sealed; null when nothing is secret.</summary>
    public (IReadOnlyList<KeyValuePair<string, string>> Headers, string Query, byte[]? Sealed) Split(string eventId, VendorRequest request, string query)
    {
        List<KeyValuePair<string, string>>? shown = null;
        Dictionary<string, string>? secrets = null;
        for (var i = 0; i < request.Headers.Count; i++)
        {
            if (Secrets.Hides(request.Headers[i].Key))
            {
                shown ??= [.. request.Headers];
                shown[i] = new(request.Headers[i].Key, Source.Mask);
                (secrets ??= [])[KeyOf(i)] = request.Headers[i].Value;
            }
        }
        if (Secrets.IsQuerySecret && query.Length > 0)
        {
            (secrets ??= [])[QueryKey] = query;
            query = Source.Mask;
        }
        if (_isUrlSigned)
        {
            // It holds the token, which may be another one by the time when the event is checked again.
            (secrets ??= [])[UrlKey] = request.Url.Split('?')[0];
        }
        return (shown ?? request.Headers, query, secrets is null ? null : _protector.Protect(JsonSerializer.Serialize(secrets), eventId));
    }

    /// <summary>The request as it came; the URL is null when it is of no matter.</summary>
    public (IReadOnlyList<KeyValuePair<string, string>> Headers, string Query, string? Url) Join(
        string eventId, IReadOnlyList<KeyValuePair<string, string>> headers, string query, byte[]? sealedBytes)
    {
        if (sealedBytes is null)
        {
            return (headers, query, null);
        }
        var secrets = JsonSerializer.Deserialize<Dictionary<string, string>>(_protector.Unprotect(sealedBytes, eventId))!;
        return (
            [.. headers.Select((header, i) => secrets.TryGetValue(KeyOf(i), out var value) ? new(header.Key, value) : header)],
            secrets.GetValueOrDefault(QueryKey, query), secrets.GetValueOrDefault(UrlKey));
    }

    /// <summary>What was secret of a request when it was kept, by what is left of it: the source's scheme may be another one by now.</summary>
    public static SecretParts KeptOf(IReadOnlyList<KeyValuePair<string, string>> headers, string query) => new(
        new HashSet<string>(headers.Where(header => header.Value == Source.Mask).Select(header => header.Key), StringComparer.OrdinalIgnoreCase), query == Source.Mask);

    private static string KeyOf(int header) => header.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What of a request is secret, and so shown masked.</summary>
/// <param name="headers">Names, in any case.</param>
public sealed class SecretParts(IReadOnlySet<string> headers, bool isQuerySecret)
{
    public bool IsQuerySecret { get; } = isQuerySecret;

    private static readonly string MaskInUrl = Uri.EscapeDataString(Source.Mask);

    public bool Hides(string header) => headers.Contains(header);

    /// <summary>Headers as they may be shown.</summary>
    public IEnumerable<KeyValuePair<string, string>> Shown(IEnumerable<KeyValuePair<string, string>> request) =>
        request.Select(header => Hides(header.Key) ? new(header.Key, Source.Mask) : header);

    /// <summary>A URL as it may be shown that has a request's query behind its own.</summary>
    public string? ShownUrl(string? url) =>
        IsQuerySecret && url?.IndexOf('?', StringComparison.Ordinal) is { } at and >= 0 && !url.EndsWith(MaskInUrl, StringComparison.Ordinal) ? $"{url[..at]}?{MaskInUrl}" : url;

    /// <summary>A query as it may be shown.</summary>
    public string Shown(string query) => IsQuerySecret && query.Length > 0 ? Source.Mask : query;
}
