using System.Runtime.InteropServices;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.JmesPath;

/// <summary>The types that JMESPath knows. An expression is one only as an argument of a function.</summary>
[Flags]
internal enum JmesType
{
    Null = 1,
    Boolean = 2,
    Number = 4,
    String = 8,
    Array = 16,
    Object = 32,
    Expression = 64,
    Any = Null | Boolean | Number | String | Array | Object,
}

/// <summary>A JSON value: one of the document, just as it was written, or one that an expression made.</summary>
internal readonly struct JmesValue
{
    /// <summary>How much of a text is looked at for one step.</summary>
    public const int CharactersPerStep = 16;

    private const int QuotesAlone = 2;

    private readonly JsonElement _element;
    private readonly object? _made;

    private JmesValue(JsonElement element, object? made) => (_element, _made) = (element, made);

    public static JmesValue Of(JsonElement element) => new(element, null);

    public static JmesValue Of(double number) => double.IsFinite(number) ? new(default, number) : throw new JmesException("A number became too large.");

    public static JmesValue Of(string text) => new(default, text);

    public static JmesValue Of(bool flag) => new(default, flag);

    public static JmesValue Of(List<JmesValue> items) => new(default, items);

    public static JmesValue Of(List<KeyValuePair<string, JmesValue>> members) => new(default, members);

    public static JmesValue Of(JmesNode expression) => new(default, expression);

    public static JmesValue Null => default;

    public JmesType Type => _made switch
    {
        null => _element.ValueKind switch
        {
            JsonValueKind.Array => JmesType.Array,
            JsonValueKind.Object => JmesType.Object,
            JsonValueKind.String => JmesType.String,
            JsonValueKind.Number => JmesType.Number,
            JsonValueKind.True or JsonValueKind.False => JmesType.Boolean,
            _ => JmesType.Null,
        },
        string => JmesType.String,
        double => JmesType.Number,
        bool => JmesType.Boolean,
        List<JmesValue> => JmesType.Array,
        JmesNode => JmesType.Expression,
        _ => JmesType.Object,
    };

    public bool IsNull => Type is JmesType.Null;

    public string Text => _made as string ?? RawJson.Text(_element) ?? throw new JmesException("A string holds half of a surrogate pair, and so is no text.");

    /// <summary>The same where nothing else pays for its length: a text of the event is decoded each time.</summary>
    public string TextPaidFor(JmesRun run)
    {
        run.Spend((_made as string)?.Length / CharactersPerStep ?? JsonMarshal.GetRawUtf8Value(_element).Length / CharactersPerStep);
        return Text;
    }

    public double Number => _made is double made ? made : _element.GetDouble();

    public JmesNode Expression => (JmesNode)_made!;

    private bool Flag => _made is bool made ? made : _element.ValueKind is JsonValueKind.True;

    /// <summary>The items of an array.</summary>
    public List<JmesValue> Items(JmesRun run)
    {
        if (_made is List<JmesValue> made)
        {
            run.Spend(made.Count);
            return made;
        }
        run.Spend(_element.GetArrayLength());
        return [.. _element.EnumerateArray().Select(Of)];
    }

    /// <summary>The members of an object; of two with one name, the last.</summary>
    public List<KeyValuePair<string, JmesValue>> Members(JmesRun run)
    {
        if (_made is List<KeyValuePair<string, JmesValue>> made)
        {
            run.Spend(made.Count);
            return made;
        }
        var members = new Dictionary<string, JmesValue>(StringComparer.Ordinal);
        foreach (var property in _element.EnumerateObject())
        {
            run.Spend(1);
            members[NameOf(property)] = Of(property.Value);
        }
        return [.. members];
    }

    /// <summary>The member of an object with this name; null when there is none, or this is no object.</summary>
    public JmesValue Member(string name, JmesRun run)
    {
        if (_made is List<KeyValuePair<string, JmesValue>> made)
        {
            run.Spend(made.Count);
            return made.FindLast(member => member.Key == name).Value;
        }
        return _made is null && _element.ValueKind is JsonValueKind.Object && BodyPath.TryStep(_element, name, out var found) ? Of(found) : Null;
    }

    /// <summary>Null, false and whatever is empty is not.</summary>
    public bool IsTruthy(JmesRun run) => Type switch
    {
        JmesType.Null => false,
        JmesType.Boolean => Flag,
        JmesType.String => _made is string made ? made.Length > 0 : JsonMarshal.GetRawUtf8Value(_element).Length > QuotesAlone,
        JmesType.Array => Items(run).Count > 0,
        JmesType.Object => Members(run).Count > 0,
        _ => true,
    };

    public bool Is(JmesValue other, JmesRun run)
    {
        run.Spend(1);
        return Type == other.Type && Type switch
        {
            JmesType.Null => true,
            JmesType.Boolean => Flag == other.Flag,
            JmesType.Number => _made is null && other._made is null ? RawJson.Same(_element, other._element) : Number.Equals(other.Number),
            JmesType.String => TextPaidFor(run) == other.TextPaidFor(run),
            JmesType.Array => Items(run) is var items && other.Items(run) is var others && items.Count == others.Count && items.Zip(others).All(pair => pair.First.Is(pair.Second, run)),
            JmesType.Object => Members(run) is var members && other.Members(run).ToDictionary(member => member.Key, member => member.Value) is var theirs && members.Count == theirs.Count
                && members.TrueForAll(member => theirs.TryGetValue(member.Key, out var theirValue) && member.Value.Is(theirValue, run)),
            _ => false,
        };
    }

    /// <summary>Writes it as JSON.</summary>
    public void Write(Utf8JsonWriter writer, JmesRun run, int mostBytes, int depth)
    {
        run.Spend(1);
        if (writer.BytesCommitted + writer.BytesPending > mostBytes)
        {
            throw new JmesException($"The result is larger than {mostBytes} bytes.");
        }
        if (depth > RawJson.MostDepth)
        {
            throw new JmesException($"The result is nested deeper than {RawJson.MostDepth} levels.");
        }
        switch (Type)
        {
            case JmesType.Null:
                writer.WriteNullValue();
                break;
            case JmesType.Boolean:
                writer.WriteBooleanValue(Flag);
                break;
            case JmesType.Number when _made is null:
                writer.WriteRawValue(_element.GetRawText(), skipInputValidation: true);
                break;
            case JmesType.Number:
                writer.WriteNumberValue(Number);
                break;
            case JmesType.String:
                writer.WriteStringValue(Text);
                break;
            case JmesType.Array:
                writer.WriteStartArray();
                Items(run).ForEach(item => item.Write(writer, run, mostBytes, depth + 1));
                writer.WriteEndArray();
                break;
            case JmesType.Object:
                writer.WriteStartObject();
                foreach (var (name, value) in Members(run))
                {
                    writer.WritePropertyName(name);
                    value.Write(writer, run, mostBytes, depth + 1);
                }
                writer.WriteEndObject();
                break;
            default:
                throw new JmesException("An expression reference is no value.");
        }
    }

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw new JmesException("The name of a member holds half of a surrogate pair, and so is no text.");
        }
    }
}
