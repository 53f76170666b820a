using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>Reads the keywords of one schema into its node.</summary>
internal sealed class SchemaKeywords(SchemaReader reader, SchemaNode node, SchemaPlace place)
{
    private const int MostEnumText = 200;

    /// <summary>Reads a keyword; false when it is not one that is supported.</summary>
    public bool Take(string name, JsonElement value)
    {
        switch (name)
        {
            case "$schema":
                Demand(name, value.ValueKind is JsonValueKind.String && JsonText.Of(value).TrimEnd('#') == SchemaReader.Dialect, $"must be {SchemaReader.Dialect}");
                break;
            case "$ref": OnText(name, value, text => reader.Refer(node, place, text)); break;
            case "$anchor": OnText(name, value, text => reader.Anchor(node, place, text)); break;
            case "$defs" or "definitions": ReadMap(name, value); break;

            case "type": ReadTypes(value); break;
            case "enum" when value.ValueKind is JsonValueKind.Array: ReadEnum([.. value.EnumerateArray()]); break;
            case "const": ReadEnum([value]); break;

            case "multipleOf": node.MultipleOf = ReadDivisor(value); break;
            case "minimum": node.Minimum = ReadNumber(name, value); break;
            case "maximum": node.Maximum = ReadNumber(name, value); break;
            case "exclusiveMinimum": node.ExclusiveMinimum = ReadNumber(name, value); break;
            case "exclusiveMaximum": node.ExclusiveMaximum = ReadNumber(name, value); break;

            case "minLength": node.MinLength = ReadCount(name, value); break;
            case "maxLength": node.MaxLength = ReadCount(name, value); break;
            case "pattern": OnText(name, value, text => node.Pattern = reader.ReadPattern(text, place)); break;

            case "prefixItems": node.PrefixItems = ReadList(name, value); break;
            case "items": node.Items = ReadSchema(name, value, value.ValueKind is JsonValueKind.Array ? "; a list of schemas is called prefixItems" : ""); break;
            case "contains": node.Contains = ReadSchema(name, value); break;
            case "minContains": node.MinContains = ReadCount(name, value); break;
            case "maxContains": node.MaxContains = ReadCount(name, value); break;
            case "minItems": node.MinItems = ReadCount(name, value); break;
            case "maxItems": node.MaxItems = ReadCount(name, value); break;
            case "uniqueItems":
                Demand(name, value.ValueKind is JsonValueKind.True or JsonValueKind.False, "must be true or false");
                node.UniqueItems = value.ValueKind is JsonValueKind.True;
                break;
            case "unevaluatedItems": node.UnevaluatedItems = ReadSchema(name, value); break;

            case "properties": node.Properties = ReadMap(name, value); break;
            case "patternProperties": node.PatternProperties = ReadPatterns(name, value); break;
            case "additionalProperties": node.AdditionalProperties = ReadSchema(name, value); break;
            case "propertyNames": node.PropertyNames = ReadSchema(name, value); break;
            case "minProperties": node.MinProperties = ReadCount(name, value); break;
            case "maxProperties": node.MaxProperties = ReadCount(name, value); break;
            case "required": node.Required = ReadNames(name, value); break;
            case "dependentRequired": node.DependentRequired = ReadNamesByName(name, value); break;
            case "dependentSchemas": node.DependentSchemas = ReadMap(name, value); break;
            case "unevaluatedProperties": node.UnevaluatedProperties = ReadSchema(name, value); break;

            case "allOf": node.AllOf = ReadList(name, value); break;
            case "anyOf": node.AnyOf = ReadList(name, value); break;
            case "oneOf": node.OneOf = ReadList(name, value); break;
            case "not": node.Not = ReadSchema(name, value); break;
            case "if": node.If = ReadSchema(name, value); break;
            case "then": node.Then = ReadSchema(name, value); break;
            case "else": node.Else = ReadSchema(name, value); break;

            case "enum":
                Demand(name, false, "must be a list");
                break;
            case "contentSchema": ReadSchema(name, value); break;
            case "$id" or "$comment" or "title" or "description" or "format" or "contentEncoding" or "contentMediaType": OnText(name, value, _ => { }); break;
            case "default" or "examples" or "deprecated" or "readOnly" or "writeOnly": break;
            default: return name.StartsWith("x-", StringComparison.Ordinal);
        }
        return true;
    }

    /// <summary>What to write in place of keywords that are known from elsewhere.</summary>
    public static string Instead(string keyword) => keyword switch
    {
        "dependencies" => "; it has become dependentRequired and dependentSchemas",
        "additionalItems" => "; beside prefixItems, items is for the others",
        "nullable" => "; a value that may be null has a list of types, such as [\"string\", \"null\"]",
        "$recursiveRef" or "$recursiveAnchor" or "$dynamicRef" or "$dynamicAnchor" => "; $ref with $anchor is",
        _ => "",
    };

    private void Demand(string name, bool holds, string demand)
    {
        if (!holds)
        {
            reader.Fail(place, $"{name} {demand}");
        }
    }

    private void OnText(string name, JsonElement value, Action<string> take)
    {
        Demand(name, value.ValueKind is JsonValueKind.String, "must be a string");
        if (value.ValueKind is JsonValueKind.String)
        {
            take(JsonText.Of(value));
        }
    }

    private void ReadTypes(JsonElement value)
    {
        List<JsonElement> names = value.ValueKind is JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        var types = SchemaTypes.None;
        foreach (var name in names)
        {
            var type = (name.ValueKind is JsonValueKind.String ? JsonText.Of(name) : null) switch
            {
                "null" => SchemaTypes.Null,
                "boolean" => SchemaTypes.Boolean,
                "object" => SchemaTypes.Object,
                "array" => SchemaTypes.Array,
                "number" => SchemaTypes.Number,
                "string" => SchemaTypes.String,
                "integer" => SchemaTypes.Integer,
                _ => SchemaTypes.None,
            };
            if (type is SchemaTypes.None || (types & type) != 0)
            {
                types = SchemaTypes.None;
                break;
            }
            types |= type;
        }
        Demand("type", types is not SchemaTypes.None, "must be null, boolean, object, array, number, string or integer, or a list of them");
        node.Types = types;
    }

    private void ReadEnum(List<JsonElement> values)
    {
        // "enum" beside "const" leaves what is in both.
        var set = new HashSet<JsonElement>(values, JsonEquality.Instance);
        set.IntersectWith(node.Enum ?? set);
        node.Enum = set;
        var text = string.Join(", ", set.Select(value => Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(value))));
        node.EnumText = (set.Count == 1 ? "" : "one of ") + (text.Length <= MostEnumText ? text : text[..(MostEnumText - 1)] + "…");
    }

    private JsonNumber? ReadNumber(string name, JsonElement value)
    {
        Demand(name, value.ValueKind is JsonValueKind.Number, "must be a number");
        return value.ValueKind is JsonValueKind.Number ? JsonEquality.NumberOf(value) : null;
    }

    private JsonNumber? ReadDivisor(JsonElement value)
    {
        if (ReadNumber("multipleOf", value) is not { } number)
        {
            return null;
        }
        var isGood = number.IsPositive && number.DigitCount <= JsonNumber.MostDivisorDigits;
        Demand("multipleOf", isGood, $"must be above zero, with at most {JsonNumber.MostDivisorDigits} digits");
        return isGood ? number : null;
    }

    private long? ReadCount(string name, JsonElement value)
    {
        var count = value.ValueKind is JsonValueKind.Number ? JsonEquality.NumberOf(value).Count : null;
        Demand(name, count is not null, "must be a whole number, 0 or more");
        return count;
    }

    private SchemaNode ReadSchema(string name, JsonElement value, string hint = "")
    {
        if (hint.Length > 0)
        {
            Demand(name, false, "must be a schema" + hint);
            return node;
        }
        return reader.Read(value, place.Below(name));
    }

    private List<SchemaNode>? ReadList(string name, JsonElement value)
    {
        if (value.ValueKind is not JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            Demand(name, false, "must be a list of at least one schema");
            return null;
        }
        return [.. value.EnumerateArray().Select((item, i) => reader.Read(item, place.Below(name).Below(i)))];
    }

    private Dictionary<string, SchemaNode>? ReadMap(string name, JsonElement value)
    {
        if (!IsObject(name, value))
        {
            return null;
        }
        var map = new Dictionary<string, SchemaNode>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
        {
            var key = JsonText.NameOf(property);
            Demand(name, map.TryAdd(key, reader.Read(property.Value, place.Below(name).Below(key))), $"has {SchemaReader.Shown(key)} twice");
        }
        return map;
    }

    private List<(Pattern, SchemaNode)> ReadPatterns(string name, JsonElement value)
    {
        var found = new List<(Pattern, SchemaNode)>();
        foreach (var (text, schema) in ReadMap(name, value) ?? [])
        {
            if (reader.ReadPattern(text, place) is { } pattern)
            {
                found.Add((pattern, schema));
            }
        }
        return found;
    }

    private List<string>? ReadNames(string name, JsonElement value)
    {
        List<string>? names = value.ValueKind is JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind is JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(JsonText.Of)]
            : null;
        Demand(name, names is not null && names.Distinct(StringComparer.Ordinal).Count() == names.Count, "must be a list of names, none of them twice");
        return names;
    }

    private Dictionary<string, List<string>>? ReadNamesByName(string name, JsonElement value)
    {
        if (!IsObject(name, value))
        {
            return null;
        }
        var map = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
        {
            map[JsonText.NameOf(property)] = ReadNames(name, property.Value) ?? [];
        }
        return map;
    }

    private bool IsObject(string name, JsonElement value)
    {
        Demand(name, value.ValueKind is JsonValueKind.Object, "must be an object");
        return value.ValueKind is JsonValueKind.Object;
    }
}
