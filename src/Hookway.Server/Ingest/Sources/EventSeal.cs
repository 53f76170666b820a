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
    private readonly HashSet<string> _secretHeaders;
    private readonly bool _isQuerySecret;
    private readonly bool _isUrlSigned;

    /// <param name="dataKey">The source's own, in base64.</param>
    public EventSeal(string dataKey, VerificationScheme scheme)
    {
        _protector = new SecretProtector(Convert.FromBase64String(dataKey));
        _secretHeaders = new HashSet<string>(AlwaysSecret.Concat(scheme.SecretHeaders), StringComparer.OrdinalIgnoreCase);
        _isQuerySecret = scheme.Algorithm is VerificationAlgorithm.Token && scheme.Signature.Any(place => place.StartsWith("query:", StringComparison.Ordinal));
        _isUrlSigned = scheme.SignsUrl;
    }

    /// <summary>A new key for a source.</summary>
    public static string NewDataKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Length));

    /// <summary>Whether a header's value is a secret, and so shown masked.</summary>
    public bool Hides(string header) => _secretHeaders.Contains(header);

    /// <summary>A query as it may be shown.</summary>
    public string Shown(string query) => _isQuerySecret && query.Length > 0 ? Source.Mask : query;

    /// <summary>A request as it is kept: what may be read, and what is sealed; null when nothing is secret.</summary>
    public (IReadOnlyList<KeyValuePair<string, string>> Headers, string Query, byte[]? Sealed) Split(string eventId, VendorRequest request, string query)
    {
        List<KeyValuePair<string, string>>? shown = null;
        Dictionary<string, string>? secrets = null;
        for (var i = 0; i < request.Headers.Count; i++)
        {
            if (_secretHeaders.Contains(request.Headers[i].Key))
            {
                shown ??= [.. request.Headers];
                shown[i] = new(request.Headers[i].Key, Source.Mask);
                (secrets ??= [])[KeyOf(i)] = request.Headers[i].Value;
            }
        }
        if (_isQuerySecret && query.Length > 0)
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

    private static string KeyOf(int header) => header.ToString(CultureInfo.InvariantCulture);
}
