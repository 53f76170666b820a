using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hookway.Ingest.Verification;

/// <summary>
/// Text made of values of a request: <c>{header:X-GitHub-Event}.{body:action}</c>. A value that is missing makes the whole missing, but <c>{body:x?}</c> is then
/// empty and a group in brackets is left out: <c>[id:{query:id};]</c>. <c>{has:body:x}</c> writes nothing and only asks whether something stands there; <c>{lower:…}</c> writes in lower case.
/// In signed content also <c>{body}</c> (the bytes that came), <c>{timestamp}</c> and <c>{id}</c> (as received), <c>{secret}</c> and <c>{crc32}</c> (of the body);
/// in answers <c>{urlToken}</c> (the last part of the ingest URL) <c>{hmac:…}</c> (hex, HMAC-SHA256 of a value under the secret) and <c>{braintree:…}</c>. A backslash takes the next character as it is.
/// </summary>
[JsonConverter(typeof(FromText))]
public sealed class ValueTemplate
{
    private const int MostTexts = 10_000;
    private const int MostItems = 100;
    private static readonly string[] Specials = ["body", "timestamp", "id", "secret", "crc32", "urlToken"];

    private readonly IReadOnlyList<Part> _parts;

    private ValueTemplate(IReadOnlyList<Part> parts, string text)
    {
        _parts = parts;
        Text = text;
        IsOutsideBody = Sources.All(source => source.IsOutsideBody);
        IsOnePlace = Sources.ToList() is [var only] && !only.Text.Contains('[', StringComparison.Ordinal);
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>The places that it reads.</summary>
    public IEnumerable<ValueSource> Sources => Flatten(_parts).Select(part => part.Source).OfType<ValueSource>();

    /// <summary>Whether it reads one place and no item of a list.</summary>
    public bool IsOnePlace { get; }

    /// <summary>Whether it reads nothing of the body.</summary>
    public bool IsOutsideBody { get; }

    public bool Uses(string special) => Flatten(_parts).Any(part => part.Kind is PartKind.Special && part.Text == special);

    /// <summary>Reads a template; the problem is a sentence fit to be shown.</summary>
    public static bool TryParse(string text, out ValueTemplate template, out string? problem)
    {
        template = null!;
        var parser = new Parser(text);
        var parts = parser.Read(inGroup: false);
        problem = parser.Problem;
        if (problem is null)
        {
            template = new ValueTemplate(parts, text);
        }
        return problem is null;
    }

    /// <summary>The same for templates that are known to be right.</summary>
    public static ValueTemplate Parse(string text) => TryParse(text, out var template, out var problem) ? template : throw new FormatException($"{text}: {problem}");

    /// <summary>The text for a request; null when a value is missing.</summary>
    public string? For(VendorRequest request, TemplateValues values = default) => TextAt(request, values, default);

    /// <summary>How many items the lists that it reads have in a request; one when it reads none.</summary>
    public int ItemsIn(VendorRequest request) => Sources.Any(source => source.IsList) ? Math.Min(Sources.Where(source => source.IsList).Max(source => source.All(request).Count), MostItems) : 1;

    /// <summary>The text for one of those items, from 0; null when a value is missing.</summary>
    public string? ForItem(VendorRequest request, int item) => TextAt(request, default, new At(item));

    /// <summary>A text for each item of the lists that it reads, without repetition; one when it reads none.</summary>
    public IReadOnlyList<string> AllFor(VendorRequest request)
    {
        if (!Sources.Any(source => source.IsList))
        {
            return For(request) is { } only ? [only] : [];
        }
        var lists = Sources.Where(source => source.IsList).Distinct().ToDictionary(source => source, source => source.All(request));
        var items = Math.Min(lists.Values.Max(list => list.Count), MostTexts);
        return [.. Enumerable.Range(0, items).Select(item => TextAt(request, default, new At(item, lists))).OfType<string>().Distinct()];
    }

    /// <summary>Writes signed content.</summary>
    /// <param name="missing">The place whose value is missing; null when all was written.</param>
    internal bool TryWrite(VendorRequest request, TemplateValues values, IBufferWriter<byte> to, out string? missing) =>
        TryWrite(_parts, request, values, to, default, out missing);

    private string? TextAt(VendorRequest request, TemplateValues values, At item)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        return TryWrite(_parts, request, values, buffer, item, out _) ? Encoding.UTF8.GetString(buffer.WrittenSpan) : null;
    }

    private static bool TryWrite(
        IReadOnlyList<Part> parts, VendorRequest request, TemplateValues values, IBufferWriter<byte> to, At item, out string? missing)
    {
        missing = null;
        foreach (var part in parts)
        {
            if (part.Group is not null)
            {
                WriteGroup(part.Group, request, values, to, item);
            }
            else if (part is { Kind: PartKind.Special, Text: "body" })
            {
                to.Write(request.Body.Span);
            }
            else if (part.ValueFor(request, values, item) is { } value)
            {
                Encoding.UTF8.GetBytes(value, to);
            }
            else
            {
                missing = part.Source?.Words ?? part.Text;
                return false;
            }
        }
        return true;
    }

    private static void WriteGroup(IReadOnlyList<Part> group, VendorRequest request, TemplateValues values, IBufferWriter<byte> to, At item)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        if (TryWrite(group, request, values, buffer, item, out _))
        {
            to.Write(buffer.WrittenSpan);
        }
    }

    private static IEnumerable<Part> Flatten(IEnumerable<Part> parts) => parts.SelectMany(part => part.Group is null ? [part] : Flatten(part.Group));

    /// <summary>Which item of lists is meant, and the lists where they have been read already.</summary>
    private readonly record struct At(int Number, IReadOnlyDictionary<ValueSource, IReadOnlyList<string?>>? Lists = null);

    private enum PartKind
    {
        Literal,
        Value,
        Optional,
        Test,
        Lower,
        Hmac,
        Braintree,
        Special,
        Group,
    }

    private sealed record Part(PartKind Kind, string Text, ValueSource? Source = null, IReadOnlyList<Part>? Group = null)
    {
        public string? ValueFor(VendorRequest request, TemplateValues values, At item) => Kind switch
        {
            PartKind.Literal => Text,
            PartKind.Value => Read(request, item),
            PartKind.Optional => Read(request, item) ?? "",
            PartKind.Lower => Read(request, item)?.ToLowerInvariant(),
            PartKind.Test => Source!.IsIn(request) ? "" : null,
            PartKind.Hmac => values.Secret is { Length: > 0 } secret && Read(request, item) is { } value ? SignatureBytes.AnswerTo(value, secret) : null,
            PartKind.Braintree => values.Secret is { Length: > 0 } pair && Read(request, item) is { } challenge ? BraintreePayload.Answer(pair, challenge) : null,
            _ => Text switch
            {
                "timestamp" => values.Timestamp,
                "id" => values.Id,
                "secret" => values.Secret,
                "urlToken" => values.UrlToken,
                "crc32" => SignatureBytes.Crc32(request.Body.Span).ToString(CultureInfo.InvariantCulture),
                _ => null,
            },
        };

        private string? Read(VendorRequest request, At item) =>
            !Source!.IsList ? Source.First(request) : (item.Lists?.GetValueOrDefault(Source) ?? Source.All(request)).ElementAtOrDefault(item.Number);
    }

    /// <summary>Reads the text of a template from left to right.</summary>
    private sealed class Parser(string text)
    {
        private int _at;

        public string? Problem { get; private set; }

        public List<Part> Read(bool inGroup)
        {
            var parts = new List<Part>();
            var literal = new StringBuilder();
            for (; _at < text.Length && Problem is null && !(inGroup && text[_at] == ']'); _at++)
            {
                if (text[_at] is '{' or '[' && literal.Length > 0)
                {
                    parts.Add(new Part(PartKind.Literal, literal.ToString()));
                    literal.Clear();
                }
                switch (text[_at])
                {
                    case '{':
                        parts.Add(ReadValue());
                        break;
                    case '[':
                        parts.Add(ReadGroup());
                        break;
                    case '}' or ']':
                        Problem = $"{text[_at]} stands without its counterpart";
                        break;
                    case '\\' when _at + 1 < text.Length:
                        literal.Append(text[++_at]);
                        break;
                    default:
                        literal.Append(text[_at]);
                        break;
                }
            }
            if (literal.Length > 0)
            {
                parts.Add(new Part(PartKind.Literal, literal.ToString()));
            }
            return parts;
        }

        private Part ReadGroup()
        {
            _at++;
            var group = Read(inGroup: true);
            if (_at >= text.Length)
            {
                Problem ??= "[ stands without its counterpart";
            }
            return new Part(PartKind.Group, "", null, group);
        }

        private Part ReadValue()
        {
            var end = text.IndexOf('}', _at);
            if (end < 0)
            {
                Problem = "{ stands without its counterpart";
                return new Part(PartKind.Literal, "");
            }
            var name = text[(_at + 1)..end];
            _at = end;
            if (Specials.Contains(name))
            {
                return new Part(PartKind.Special, name);
            }
            var (kind, source) = name switch
            {
                ['h', 'a', 's', ':', .. var rest] => (PartKind.Test, rest),
                ['l', 'o', 'w', 'e', 'r', ':', .. var rest] => (PartKind.Lower, rest),
                ['h', 'm', 'a', 'c', ':', .. var rest] => (PartKind.Hmac, rest),
                ['b', 'r', 'a', 'i', 'n', 't', 'r', 'e', 'e', ':', .. var rest] => (PartKind.Braintree, rest),
                [.. var rest, '?'] => (PartKind.Optional, rest),
                _ => (PartKind.Value, name),
            };
            if (!ValueSource.TryParse(source, out var found))
            {
                Problem = $"{{{name}}} is not known here";
            }
            return new Part(kind, name, found);
        }
    }

    private sealed class FromText : JsonConverter<ValueTemplate>
    {
        public override ValueTemplate Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TryParse(reader.GetString() ?? "", out var template, out var problem) ? template : throw new JsonException(problem);

        public override void Write(Utf8JsonWriter writer, ValueTemplate value, JsonSerializerOptions options) => writer.WriteStringValue(value.Text);
    }
}

/// <summary>What a template may use that stands in no one place of the request.</summary>
/// <param name="Timestamp">The signature's timestamp, as received.</param>
/// <param name="Id">The signature's id, as received.</param>
/// <param name="UrlToken">The last part of the source's ingest URL.</param>
public readonly record struct TemplateValues(string? Timestamp = null, string? Id = null, string? Secret = null, string? UrlToken = null);
