using System.Text;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>
/// A request as a vendor sent it: all that verification, extraction and handshakes look at. It is made when the request arrives, and again from what was kept
/// when an event is checked a second time.
/// </summary>
/// <param name="method">As sent, such as <c>POST</c>.</param>
/// <param name="url">The URL as the vendor calls it (see <see cref="UrlAsCalled"/>), never what a proxy made of it.</param>
/// <param name="headers">A header that was sent twice is in it twice.</param>
/// <param name="body">The bytes that came.</param>
/// <param name="receivedAt">The clock against which timestamps are checked.</param>
public sealed class VendorRequest(
    string method, string url, IReadOnlyList<KeyValuePair<string, string>> headers, ReadOnlyMemory<byte> body, DateTimeOffset receivedAt)
{
    /// <summary>Fields of a form that hold the event as JSON: GitHub and Slack, Dropbox Sign, Mandrill.</summary>
    private static readonly string[] JsonFields = ["payload", "json", "mandrill_events"];

    private static readonly JsonDocumentOptions JsonOptions = new() { MaxDepth = RawJson.MostDepth + 1 };

    private IReadOnlyList<KeyValuePair<string, string>>? _form;
    private IReadOnlyList<KeyValuePair<string, string>>? _query;
    private JsonElement? _parsed;

    public string Method { get; } = method;

    public string Url { get; } = url;

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = headers;

    public ReadOnlyMemory<byte> Body { get; } = body;

    public DateTimeOffset ReceivedAt { get; } = receivedAt;

    /// <summary>The body as JSON, or the JSON in a field of a form; undefined when there is none.</summary>
    public JsonElement Json => _parsed ??= ParseJson();

    /// <summary>The fields of a form body, decoded, in order; empty when the body is no form.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Form => _form ??= RequestForm.Read(Header("content-type"), Body);

    /// <summary>The parameters of the query, decoded, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Query => _query ??= RequestForm.ReadPairs(QueryText);

    /// <summary>The query as it came, without its question mark.</summary>
    public string QueryText => Url.IndexOf('?', StringComparison.Ordinal) is var at and >= 0 ? Url[(at + 1)..] : "";

    public bool IsMultipart => RequestForm.IsMultipart(Header("content-type"));

    public bool HasFormBody => RequestForm.IsForm(Header("content-type"));

    /// <summary>The first value of a header; null when there is none.</summary>
    public string? Header(string name)
    {
        foreach (var (key, value) in Headers)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }
        return null;
    }

    /// <summary>The URL that the vendor was given, with the query of this request.</summary>
    /// <param name="publicUrl">As configured; a query of its own counts when the request has none.</param>
    /// <param name="query">As received, with or without its question mark.</param>
    public static string UrlAsCalled(string publicUrl, string query)
    {
        query = query.TrimStart('?');
        if (query.Length == 0)
        {
            return publicUrl;
        }
        var end = publicUrl.IndexOf('?', StringComparison.Ordinal);
        return $"{(end < 0 ? publicUrl : publicUrl[..end])}?{query}";
    }

    private JsonElement ParseJson()
    {
        if (HasFormBody)
        {
            var field = Form.FirstOrDefault(pair => JsonFields.Contains(pair.Key)).Value;
            return field is not null ? TryParse(Encoding.UTF8.GetBytes(field)) : BraintreePayload.Read(Form);
        }
        return TryParse(Body);
    }

    private static JsonElement TryParse(ReadOnlyMemory<byte> json)
    {
        if (json.Span.TrimStart(" \t\r\n"u8) is not [(byte)'{' or (byte)'[', ..])
        {
            return default;
        }
        try
        {
            return JsonDocument.Parse(json, JsonOptions).RootElement;
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
