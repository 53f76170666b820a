using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>
/// A place in a request where a value stands: <c>header:X-Event-Id</c>, <c>query:token</c>, <c>form:MessageSid</c>, <c>body:data.id</c> (JSON), <c>method</c> or <c>url</c>.
/// A header's name that ends in <c>*</c> stands for all headers that begin so.
/// </summary>
public sealed class ValueSource
{
    private readonly Place _place;
    private readonly string _name;
    private readonly JsonPath? _path;

    private ValueSource(Place place, string name, JsonPath? path, string text)
    {
        _place = place;
        _name = name;
        _path = path;
        Text = text;
    }

    private enum Place
    {
        Header,
        Query,
        Form,
        Body,
        Method,
        Url,
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>The name of the header that it reads; null when it reads none.</summary>
    public string? HeaderName => _place is Place.Header ? _name : null;

    /// <summary>Whether it may stand for several values by itself.</summary>
    public bool IsList => _path?.IsList == true || (_place is Place.Header && _name.EndsWith('*'));

    /// <summary>Whether the body has no part in it.</summary>
    public bool IsOutsideBody => _place is not (Place.Body or Place.Form);

    /// <summary>In words, for people: "the header X-Event-Id".</summary>
    public string Words => _place switch
    {
        Place.Header => $"the header {_name}",
        Place.Query => $"the query parameter {_name}",
        Place.Form => $"the form field {_name}",
        Place.Body => $"{_name} in the body",
        Place.Method => "the method",
        _ => "the URL",
    };

    /// <summary>Reads a source from its text.</summary>
    public static bool TryParse(string text, out ValueSource source)
    {
        source = null!;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, name) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        JsonPath? path = null;
        Place? place = kind switch
        {
            "header" when HeaderNames.IsToken(name) => Place.Header,
            "query" when name.Length > 0 => Place.Query,
            "form" when name.Length > 0 => Place.Form,
            "body" when JsonPath.TryParse(name, out path) => Place.Body,
            "method" when colon < 0 => Place.Method,
            "url" when colon < 0 => Place.Url,
            _ => null,
        };
        if (place is not { } found)
        {
            return false;
        }
        source = new ValueSource(found, name, path, text);
        return true;
    }

    /// <summary>The same for sources that are known to be right.</summary>
    public static ValueSource Parse(string text) => TryParse(text, out var source) ? source : throw new FormatException($"{text} is no place in a request.");

    /// <summary>The first value; null when there is none.</summary>
    public string? First(VendorRequest request) => _place switch
    {
        Place.Header when !_name.EndsWith('*') => request.Header(_name),
        Place.Body => Scalar(_path!.First(request.Json)),
        _ => All(request) is [var first, ..] ? first : null,
    };

    /// <summary>Every value, in order; null for items of a list that have none.</summary>
    public IReadOnlyList<string?> All(VendorRequest request) => _place switch
    {
        Place.Header => Named(request.Headers, _name.TrimEnd('*'), _name.EndsWith('*')),
        Place.Query => [.. request.Query.Where(pair => pair.Key == _name).Select(pair => pair.Value)],
        Place.Form => [.. request.Form.Where(pair => pair.Key == _name).Select(pair => pair.Value)],
        Place.Body when !IsList => Scalar(_path!.First(request.Json)) is { } value ? [value] : [],
        Place.Body => [.. _path!.All(request.Json).Select(Scalar)],
        Place.Method => [request.Method],
        _ => [request.Url],
    };

    /// <summary>Whether anything stands there, also what is no scalar.</summary>
    public bool IsIn(VendorRequest request) => _place is Place.Body
        ? _path!.First(request.Json).ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null)
        : First(request) is not null;

    public override string ToString() => Text;

    /// <summary>A string, number or boolean as text; null for anything else.</summary>
    private static string? Scalar(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => RawJson.Text(element),
        JsonValueKind.Number => element.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };

    private static List<string?> Named(IReadOnlyList<KeyValuePair<string, string>> headers, string name, bool isPrefix)
    {
        var values = new List<string?>(1);
        foreach (var (key, value) in headers)
        {
            if (isPrefix ? key.StartsWith(name, StringComparison.OrdinalIgnoreCase) : key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                values.Add(value);
            }
        }
        return values;
    }
}
