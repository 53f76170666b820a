using System.Net;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>Reads the fields of forms and queries. Whatever is not well-formed is passed over: anyone may send it.</summary>
internal static class RequestForm
{
    private const int MostFields = 2000;
    private const string UrlEncoded = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data";

    public static bool IsForm(string? contentType) => IsUrlEncoded(contentType) || IsMultipart(contentType);

    public static bool IsUrlEncoded(string? contentType) => contentType?.StartsWith(UrlEncoded, StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>
    /// Why the fields of a form are not just what any reader would take them for, as a sentence; null when they are. What is signed of a form are its fields: a body that the app
    /// reads otherwise than we do would pass under the signature of another.
    /// </summary>
    public static string? Ambiguity(VendorRequest request)
    {
        var types = request.Headers.Where(header => header.Key.Equals("content-type", StringComparison.OrdinalIgnoreCase)).Select(header => header.Value).ToList();
        if (types is not [var type])
        {
            return "There must be one Content-Type.";
        }
        var parts = type.Split(';', StringSplitOptions.TrimEntries);
        // By the rule that the fields are read by too: what the one took for a form and the other did not would have no fields, and any body.
        if (!IsUrlEncoded(type) || !parts[0].Equals(UrlEncoded, StringComparison.OrdinalIgnoreCase) || parts[1..].Any(part => !part.Equals("charset=utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            return $"The Content-Type must be {UrlEncoded}: of another the signature would say nothing.";
        }
        return request.Body.Span.Count((byte)'&') >= MostFields ? $"The form has more than the {MostFields} fields that are read." : null;
    }

    public static IReadOnlyList<KeyValuePair<string, string>> Read(string? contentType, ReadOnlyMemory<byte> body) =>
        IsUrlEncoded(contentType) ? ReadPairs(Encoding.UTF8.GetString(body.Span))
        : IsMultipart(contentType) && BoundaryOf(contentType!) is { } boundary ? ReadParts(boundary, body.Span)
        : [];

    /// <summary>Reads <c>name=value&amp;…</c>, decoding plus signs and percent escapes.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> ReadPairs(ReadOnlySpan<char> text)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var range in text.Split('&'))
        {
            var pair = text[range];
            if (pair.IsEmpty)
            {
                continue;
            }
            if (pairs.Count == MostFields)
            {
                break;
            }
            var equals = pair.IndexOf('=');
            pairs.Add(equals < 0 ? new(Decode(pair), "") : new(Decode(pair[..equals]), Decode(pair[(equals + 1)..])));
        }
        return pairs;
    }

    private static string Decode(ReadOnlySpan<char> text) => WebUtility.UrlDecode(text.ToString());

    public static bool IsMultipart(string? contentType) => contentType?.StartsWith(Multipart, StringComparison.OrdinalIgnoreCase) == true;

    private static string? BoundaryOf(string contentType)
    {
        foreach (var part in contentType.Split(';', StringSplitOptions.TrimEntries))
        {
            if (part.StartsWith("boundary=", StringComparison.OrdinalIgnoreCase) && part["boundary=".Length..].Trim('"') is { Length: > 0 and <= 200 } boundary)
            {
                return boundary;
            }
        }
        return null;
    }

    private static List<KeyValuePair<string, string>> ReadParts(string boundary, ReadOnlySpan<byte> body)
    {
        var fields = new List<KeyValuePair<string, string>>();
        var delimiter = Encoding.UTF8.GetBytes("--" + boundary);
        var at = body.IndexOf(delimiter);
        while (at >= 0 && fields.Count < MostFields)
        {
            body = body[(at + delimiter.Length)..];
            at = body.IndexOf(delimiter);
            if (at < 0 || body.StartsWith("--"u8))
            {
                break;
            }
            if (Field(body[..at]) is { } field)
            {
                fields.Add(field);
            }
        }
        return fields;
    }

    /// <summary>A part as a field; null when it is a file or has no name.</summary>
    private static KeyValuePair<string, string>? Field(ReadOnlySpan<byte> part)
    {
        var headEnd = part.IndexOf("\r\n\r\n"u8);
        if (headEnd < 0)
        {
            return null;
        }
        var head = Encoding.UTF8.GetString(part[..headEnd]);
        var content = part[(headEnd + 4)..];
        content = content.EndsWith("\r\n"u8) ? content[..^2] : content;
        var disposition = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("content-disposition:", StringComparison.OrdinalIgnoreCase));
        if (disposition is null || Parameter(disposition, "filename") is not null || Parameter(disposition, "name") is not { } name)
        {
            return null;
        }
        return new(name, Encoding.UTF8.GetString(content));
    }

    private static string? Parameter(string disposition, string name)
    {
        foreach (var part in disposition.Split(';', StringSplitOptions.TrimEntries))
        {
            if (part.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase))
            {
                return part[(name.Length + 1)..].Trim('"');
            }
        }
        return null;
    }
}
