using System.Security.Cryptography;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>What a vendor's signature is made over, where no template can say it: a candidate each, any of which may match, or why there is none.</summary>
internal readonly record struct SignedContent(IReadOnlyList<byte[]> Candidates, string? Reason = null, string? Sentence = null)
{
    public static SignedContent Of(params IEnumerable<string> candidates) => new([.. candidates.Select(Encoding.UTF8.GetBytes)]);

    public static SignedContent Not(string reason, string sentence) => new([], reason, sentence);
}

/// <summary>The few vendors whose signed content needs code, each by the name that its record gives (<see cref="VerificationScheme.ContentCode"/>).</summary>
internal static class SignedContents
{
    private static readonly Dictionary<string, Func<VendorRequest, TemplateValues, SignedContent>> ByName = new(StringComparer.Ordinal)
    {
        ["twilio"] = (request, _) => TwilioContent.Of(request),
        ["mandrill"] = (request, _) => MandrillContent.Of(request),
        ["plivo"] = (request, _) => PlivoContent.Of(request),
        ["contentful"] = (request, _) => ContentfulContent.Of(request),
        ["hygraph"] = Hygraph,
        ["aws-sns"] = (request, _) => SnsContent.Of(request),
        ["paddle-classic"] = (request, _) => PaddleClassicContent.Of(request),
    };

    public static Func<VendorRequest, TemplateValues, SignedContent> Find(string name) => ByName[name];

    public static bool Exists(string name) => ByName.ContainsKey(name);

    /// <summary>A JSON text that holds the body as a string, the environment and the time.</summary>
    private static SignedContent Hygraph(VendorRequest request, TemplateValues values)
    {
        var environment = request.Header("gcms-signature")?.Split(',', StringSplitOptions.TrimEntries)
            .FirstOrDefault(part => part.StartsWith("env=", StringComparison.Ordinal))?["env=".Length..];
        return environment is null
            ? SignedContent.Not(VerdictReasons.SignatureMalformed, "The header gcms-signature has no part env=.")
            : SignedContent.Of($$"""{"Body":{{JavaScriptText.Quote(Encoding.UTF8.GetString(request.Body.Span))}},"EnvironmentName":{{JavaScriptText.Quote(environment)}},"TimeStamp":{{values.Timestamp}}}""");
    }
}

/// <summary>Twilio: the URL, then the form's fields by name, name and value joined with nothing; of another body its hash stands in the URL.</summary>
internal static class TwilioContent
{
    private const string BodyHash = "bodySHA256";

    public static SignedContent Of(VendorRequest request)
    {
        var hashes = request.Query.Where(pair => pair.Key == BodyHash).Select(pair => pair.Value).ToList();
        if (hashes.Count > 1)
        {
            return SignedContent.Not(VerdictReasons.ValueRepeated, $"The query parameter {BodyHash} is there more than once.");
        }
        if (hashes is [var hash])
        {
            return CryptographicOperations.FixedTimeEquals(SHA256.HashData(request.Body.Span), SignatureBytes.Hex(hash) ?? [])
                ? SignedContent.Of(Urls(request.Url))
                : SignedContent.Not(VerdictReasons.BodyHashMismatch, $"The body is not the one whose SHA-256 stands in the query parameter {BodyHash}.");
        }
        if (request.Body.IsEmpty)
        {
            return SignedContent.Of(Urls(request.Url));
        }
        if (RequestForm.Ambiguity(request) is { } ambiguity)
        {
            return SignedContent.Not(VerdictReasons.BodyNotSigned, $"{ambiguity} Nor has the URL a {BodyHash}.");
        }
        var fields = Fields(request.Form);
        return SignedContent.Of(Urls(request.Url).Select(url => url + fields));
    }

    private static string Fields(IEnumerable<KeyValuePair<string, string>> form) => string.Concat(
        form.GroupBy(pair => pair.Key, pair => pair.Value).OrderBy(group => group.Key, StringComparer.Ordinal)
            .SelectMany(group => group.Distinct().Order(StringComparer.Ordinal).Select(value => group.Key + value)));

    /// <summary>Twilio signs the URL with the port or without, whatever the request's own says.</summary>
    private static IEnumerable<string> Urls(string url)
    {
        yield return url;
        if (Uri.TryCreate(url, UriKind.Absolute, out var uri) && url.IndexOf(uri.Host, StringComparison.OrdinalIgnoreCase) is var at and >= 0)
        {
            var end = at + uri.Host.Length;
            var port = $":{uri.Port}";
            yield return url[end..].StartsWith(port, StringComparison.Ordinal) ? url.Remove(end, port.Length) : url.Insert(end, port);
        }
    }
}

/// <summary>Mandrill: the URL, then the form's fields by name, name and value joined with nothing.</summary>
internal static class MandrillContent
{
    public static SignedContent Of(VendorRequest request)
    {
        if (!request.Body.IsEmpty && RequestForm.Ambiguity(request) is { } ambiguity)
        {
            return SignedContent.Not(VerdictReasons.BodyNotSigned, ambiguity);
        }
        var fields = request.Form.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        return fields.Select(pair => pair.Key).Distinct().Count() < fields.Count
            ? SignedContent.Not(VerdictReasons.ValueRepeated, "A field of the form is there more than once.")
            : SignedContent.Of(request.Url + string.Concat(fields.Select(pair => pair.Key + pair.Value)));
    }
}

/// <summary>Plivo's third version: the URL, its query and the form's fields, each by name, and the nonce.</summary>
internal static class PlivoContent
{
    private const string Nonce = "X-Plivo-Signature-V3-Nonce";

    public static SignedContent Of(VendorRequest request)
    {
        if (request.Header(Nonce) is not { Length: > 0 } nonce)
        {
            return SignedContent.Not(VerdictReasons.ValueMissing, $"The header {Nonce} is missing.");
        }
        if (!request.Body.IsEmpty && RequestForm.Ambiguity(request) is { } ambiguity)
        {
            return SignedContent.Not(VerdictReasons.BodyNotSigned, ambiguity);
        }
        var query = string.Join('&', request.QueryText.Split('&', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        var fields = string.Concat(request.Form.OrderBy(pair => pair.Key, StringComparer.Ordinal).ThenBy(pair => pair.Value, StringComparer.Ordinal)
            .Select(pair => pair.Key + pair.Value));
        var url = request.Url.Split('?')[0];
        var rest = string.Join('.', new[] { query, fields }.Where(part => part.Length > 0));
        return SignedContent.Of($"{url}{(rest.Length > 0 ? "?" : "")}{rest}.{nonce}");
    }
}

/// <summary>Contentful: method, path, the headers that the request lists as signed, and the body.</summary>
internal static class ContentfulContent
{
    private const string List = "x-contentful-signed-headers";

    /// <summary>What must be signed for the signature to mean anything.</summary>
    private static readonly string[] Needed = [List, "x-contentful-timestamp"];

    public static SignedContent Of(VendorRequest request)
    {
        var names = request.Header(List)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(name => name.ToLowerInvariant()).ToList();
        if (names is null)
        {
            return SignedContent.Not(VerdictReasons.ValueMissing, $"The header {List} is missing.");
        }
        if (Needed.FirstOrDefault(name => !names.Contains(name)) is { } unsigned)
        {
            return SignedContent.Not(VerdictReasons.ValueUnexpected, $"The header {unsigned} is not among the signed ones.");
        }
        if (names.FirstOrDefault(name => request.Headers.Count(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)) > 1) is { } repeated)
        {
            return SignedContent.Not(VerdictReasons.ValueRepeated, $"The signed header {repeated} is there more than once.");
        }
        var headers = string.Join(';', names.Order(StringComparer.Ordinal).Select(name => $"{name}:{request.Header(name)?.Trim()}"));
        var path = Uri.TryCreate(request.Url, UriKind.Absolute, out var uri) ? uri.AbsolutePath : "/";
        // Contentful's own library escapes the query twice; a query as it stands is taken too.
        var queries = request.QueryText.Length == 0 ? [""] : new[] { $"?{Uri.EscapeDataString(Uri.EscapeDataString(request.QueryText))}", $"?{request.QueryText}" };
        return new SignedContent([.. queries.Select(query =>
            (byte[])[.. Encoding.UTF8.GetBytes($"{request.Method.ToUpperInvariant()}\n{path}{query}\n{headers}\n"), .. request.Body.Span])]);
    }
}

/// <summary>AWS SNS: a line each for the name and the value of fields that depend on the kind of message.</summary>
internal static class SnsContent
{
    private static readonly string[] Notification = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
    private static readonly string[] Confirmation = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

    public static SignedContent Of(VendorRequest request)
    {
        var fields = Value(request, "Type") switch
        {
            "Notification" => Notification,
            "SubscriptionConfirmation" or "UnsubscribeConfirmation" => Confirmation,
            _ => null,
        };
        if (fields is null)
        {
            return SignedContent.Not(VerdictReasons.ValueUnexpected, "Type in the body is no kind of SNS message.");
        }
        var content = new StringBuilder();
        foreach (var field in fields)
        {
            if (Value(request, field) is { } value)
            {
                content.Append(field).Append('\n').Append(value).Append('\n');
            }
            else if (field != "Subject")
            {
                return SignedContent.Not(VerdictReasons.ValueMissing, $"{field} is missing in the body.");
            }
        }
        return SignedContent.Of(content.ToString());
    }

    private static string? Value(VendorRequest request, string field) => ValueSource.Parse("body:" + field).First(request);
}

/// <summary>Paddle Classic: the form without its signature, its fields by name, as PHP serialises an array.</summary>
internal static class PaddleClassicContent
{
    private const string Signature = "p_signature";

    public static SignedContent Of(VendorRequest request)
    {
        if (RequestForm.Ambiguity(request) is { } ambiguity)
        {
            return SignedContent.Not(VerdictReasons.BodyNotSigned, ambiguity);
        }
        var fields = request.Form.Where(pair => pair.Key != Signature).OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        if (fields.Select(pair => pair.Key).Distinct().Count() < fields.Count)
        {
            return SignedContent.Not(VerdictReasons.ValueRepeated, "A field of the form is there more than once.");
        }
        return SignedContent.Of($"a:{fields.Count}:{{{string.Concat(fields.Select(pair => Php(pair.Key) + Php(pair.Value)))}}}");
    }

    private static string Php(string text) => $"s:{Encoding.UTF8.GetByteCount(text)}:\"{text}\";";
}
