using System.Runtime.InteropServices;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>
/// Judges one value. Without a list for errors it stops at the first; with one it goes on, and says of each part what is wrong, but for parts that had a choice. Each
/// step takes of the work allowed, so that no schema and no value can make it long.
/// </summary>
internal sealed class SchemaCheck(long work, FieldErrors? errors = null)
{
    private const int MostDepth = 1_000;
    private const int StepWork = 4;
    private const int BytesPerWork = 8;

    private int _depth;
    private int _errors;

    /// <summary>The work ran out, so nothing is known of the value.</summary>
    public bool IsExhausted => work < 0;

    public bool Matches(SchemaNode root, JsonElement value) => Check(root, value, errors is null ? null : ValuePath.Root, null) && !IsExhausted;

    /// <param name="path">Where the value stands; null while errors are not wanted.</param>
    /// <param name="seen">Takes what of the value was looked at, when a schema around this one asks for the rest.</param>
    private bool Check(SchemaNode node, JsonElement value, ValuePath? path, Looked? seen)
    {
        if (!Spend(StepWork) || _depth >= MostDepth)
        {
            work = -1;
            return false;
        }
        if (node.Always is { } always)
        {
            return always || Fail(path, "is not allowed");
        }
        if (!IsOfType(node, value))
        {
            return Fail(path, $"must be {SchemaWords.Of(node.Types!.Value)}");
        }
        _depth++;
        var looked = node.AsksForTheRest ? new Looked() : seen;
        var holds = CheckItself(node, value, path, looked);
        holds = (holds || path is not null) && CheckOthers(node, value, path, looked) && holds;
        if (holds && node.AsksForTheRest)
        {
            holds = CheckRest(node, value, path, looked!);
            if (holds)
            {
                Merge(looked!, seen);
            }
        }
        _depth--;
        return holds;
    }

    private static bool IsOfType(SchemaNode node, JsonElement value)
    {
        if (node.Types is not { } types)
        {
            return true;
        }
        var type = value.ValueKind switch
        {
            JsonValueKind.Object => SchemaTypes.Object,
            JsonValueKind.Array => SchemaTypes.Array,
            JsonValueKind.String => SchemaTypes.String,
            JsonValueKind.Number => SchemaTypes.Number,
            JsonValueKind.True or JsonValueKind.False => SchemaTypes.Boolean,
            _ => SchemaTypes.Null,
        };
        return (types & type) != 0 || (type is SchemaTypes.Number && (types & SchemaTypes.Integer) != 0 && JsonEquality.NumberOf(value).IsInteger);
    }

    /// <summary>The keywords that look at the value itself and into it.</summary>
    private bool CheckItself(SchemaNode node, JsonElement value, ValuePath? path, Looked? looked)
    {
        var holds = node.Enum is null || (SpendOn(value) && node.Enum.Contains(value)) || Fail(path, $"must be {node.EnumText}");
        return !Stops(holds, path) && value.ValueKind switch
        {
            JsonValueKind.Number => CheckNumber(node, value, path),
            JsonValueKind.String => CheckString(node, value, path),
            JsonValueKind.Array => CheckArray(node, value, path, looked),
            JsonValueKind.Object => CheckObject(node, value, path, looked),
            _ => true,
        } && holds;
    }

    private bool CheckNumber(SchemaNode node, JsonElement value, ValuePath? path)
    {
        if (node is { MultipleOf: null, Minimum: null, Maximum: null, ExclusiveMinimum: null, ExclusiveMaximum: null })
        {
            return true;
        }
        if (!SpendOn(value))
        {
            return false;
        }
        var number = JsonEquality.NumberOf(value);
        return All(
            node.Minimum is not { } least || number.CompareTo(least) >= 0 || Fail(path, $"must be at least {least}"),
            node.Maximum is not { } most || number.CompareTo(most) <= 0 || Fail(path, $"must be at most {most}"),
            node.ExclusiveMinimum is not { } above || number.CompareTo(above) > 0 || Fail(path, $"must be above {above}"),
            node.ExclusiveMaximum is not { } below || number.CompareTo(below) < 0 || Fail(path, $"must be below {below}"),
            node.MultipleOf is not { } divisor || number.IsMultipleOf(divisor) || Fail(path, $"must be a multiple of {divisor}"));
    }

    private bool CheckString(SchemaNode node, JsonElement value, ValuePath? path)
    {
        if (node is { MinLength: null, MaxLength: null, Pattern: null })
        {
            return true;
        }
        if (!SpendOn(value))
        {
            return false;
        }
        var text = JsonText.Of(value);
        var length = node.MinLength is null && node.MaxLength is null ? 0 : JsonText.Length(text);
        return All(
            !(length < node.MinLength) || Fail(path, $"must have at least {node.MinLength} characters"),
            !(length > node.MaxLength) || Fail(path, $"must have at most {node.MaxLength} characters"),
            node.Pattern is null || node.Pattern.IsMatch(text, ref work) || Fail(path, $"must match the pattern {node.Pattern.Text}"));
    }

    private bool CheckArray(SchemaNode node, JsonElement value, ValuePath? path, Looked? looked)
    {
        var count = value.GetArrayLength();
        var holds = All(
            !(count < node.MinItems) || Fail(path, $"must have at least {node.MinItems} items"),
            !(count > node.MaxItems) || Fail(path, $"must have at most {node.MaxItems} items"));
        if (Stops(holds, path))
        {
            return false;
        }
        if (node.PrefixItems is not null || node.Items is not null || node.Contains is not null)
        {
            holds &= CheckItems(node, value, path, looked);
        }
        if (Stops(holds, path) || !node.UniqueItems)
        {
            return holds;
        }
        return SpendOn(value) && (new HashSet<JsonElement>(value.EnumerateArray(), JsonEquality.Instance).Count == count || Fail(path, "must have no item twice")) && holds;
    }

    private bool CheckItems(SchemaNode node, JsonElement value, ValuePath? path, Looked? looked)
    {
        var holds = true;
        var at = 0;
        var contained = 0;
        var prefix = node.PrefixItems?.Count ?? 0;
        foreach (var item in value.EnumerateArray())
        {
            var schema = at < prefix ? node.PrefixItems![at] : node.Items;
            if (schema is not null)
            {
                holds &= Check(schema, item, path?.Below(at), null);
                looked?.Items.Add(at);
            }
            if (node.Contains is not null && Check(node.Contains, item, null, null))
            {
                contained++;
                looked?.Items.Add(at);
            }
            if (!Spend(1) || Stops(holds, path))
            {
                return false;
            }
            at++;
        }
        return All(
            holds,
            node.Contains is null || contained >= (node.MinContains ?? 1) || Fail(path, $"must contain at least {node.MinContains ?? 1} items as contains has them"),
            node.Contains is null || !(contained > node.MaxContains) || Fail(path, $"must contain at most {node.MaxContains} items as contains has them"));
    }

    private bool CheckObject(SchemaNode node, JsonElement value, ValuePath? path, Looked? looked)
    {
        var asksForNames = node.Required is not null || node.DependentRequired is not null || node.MinProperties is not null || node.MaxProperties is not null;
        if (!asksForNames && node is { Properties: null, PatternProperties: null, AdditionalProperties: null, PropertyNames: null })
        {
            return true;
        }
        var names = asksForNames ? new HashSet<string>(StringComparer.Ordinal) : null;
        var holds = true;
        foreach (var property in value.EnumerateObject())
        {
            var name = JsonText.NameOf(property);
            names?.Add(name);
            holds &= CheckProperty(node, property, name, path, looked);
            if (!Spend(1 + (name.Length / BytesPerWork)) || Stops(holds, path))
            {
                return false;
            }
        }
        return names is null ? holds : CheckNames(node, names, path) && holds;
    }

    private bool CheckProperty(SchemaNode node, JsonProperty property, string name, ValuePath? path, Looked? looked)
    {
        var holds = true;
        var isLookedAt = false;
        if (node.Properties?.TryGetValue(name, out var own) == true)
        {
            isLookedAt = true;
            holds &= Check(own, property.Value, path?.Below(name), null);
        }
        for (var i = 0; i < node.PatternProperties?.Count; i++)
        {
            var (pattern, schema) = node.PatternProperties[i];
            if (pattern.IsMatch(name, ref work))
            {
                isLookedAt = true;
                holds &= Check(schema, property.Value, path?.Below(name), null);
            }
        }
        if (!isLookedAt && node.AdditionalProperties is not null)
        {
            isLookedAt = true;
            holds &= Check(node.AdditionalProperties, property.Value, path?.Below(name), null);
        }
        if (isLookedAt)
        {
            looked?.Properties.Add(name);
        }
        if (node.PropertyNames is not null)
        {
            var asText = JsonElement.Parse([(byte)'"', .. JsonMarshal.GetRawUtf8PropertyName(property), (byte)'"']);
            holds &= Check(node.PropertyNames, asText, null, null) || Fail(path?.Below(name), "has a name that propertyNames does not allow");
        }
        return holds;
    }

    private bool CheckNames(SchemaNode node, HashSet<string> names, ValuePath? path)
    {
        var holds = All(
            !(names.Count < node.MinProperties) || Fail(path, $"must have at least {node.MinProperties} properties"),
            !(names.Count > node.MaxProperties) || Fail(path, $"must have at most {node.MaxProperties} properties"));
        for (var i = 0; i < node.Required?.Count; i++)
        {
            holds &= (Spend(1) && names.Contains(node.Required[i])) || Fail(path?.Below(node.Required[i]), "is required");
        }
        return (node.DependentRequired is null || CheckDependent(node.DependentRequired, names, path)) && holds;
    }

    private bool CheckDependent(Dictionary<string, List<string>> dependent, HashSet<string> names, ValuePath? path)
    {
        var holds = true;
        foreach (var (given, demanded) in dependent)
        {
            for (var i = 0; Spend(1) && names.Contains(given) && i < demanded.Count; i++)
            {
                holds &= names.Contains(demanded[i]) || Fail(path?.Below(demanded[i]), $"is required beside {given}");
            }
        }
        return holds;
    }

    /// <summary>The keywords that judge the value by other schemas.</summary>
    private bool CheckOthers(SchemaNode node, JsonElement value, ValuePath? path, Looked? looked)
    {
        var holds = node.Ref is null || Check(node.Ref, value, path, looked);
        for (var i = 0; i < node.AllOf?.Count; i++)
        {
            holds = !Stops(holds, path) && Check(node.AllOf[i], value, path, looked) && holds;
        }
        if (Stops(holds, path))
        {
            return false;
        }
        if (node.AnyOf is not null)
        {
            holds &= Matching(node.AnyOf, value, looked, enough: looked is null ? 1 : int.MaxValue) > 0 || Fail(path, "matches none of the schemas of anyOf");
        }
        if (node.OneOf is not null)
        {
            var matching = Matching(node.OneOf, value, looked, enough: 2);
            holds &= matching == 1 || Fail(path, matching == 0 ? "matches none of the schemas of oneOf" : "matches more than one of the schemas of oneOf");
        }
        if (node.Not is not null)
        {
            holds &= !Check(node.Not, value, null, null) || Fail(path, "matches the schema of not");
        }
        if (node.If is not null)
        {
            var then = Matching([node.If], value, looked, enough: 1) == 1 ? node.Then : node.Else;
            holds &= then is null || Check(then, value, path, looked);
        }
        if (node.DependentSchemas is not null && value.ValueKind is JsonValueKind.Object && !Stops(holds, path) && SpendOn(value))
        {
            var names = value.EnumerateObject().Select(JsonText.NameOf).ToHashSet(StringComparer.Ordinal);
            foreach (var (name, schema) in node.DependentSchemas)
            {
                holds &= !(Spend(1) && names.Contains(name)) || Check(schema, value, path, looked);
            }
        }
        return holds;
    }

    /// <summary>How many of the schemas the value matches, counted up to what is enough; what those looked at counts as looked at.</summary>
    private int Matching(IReadOnlyList<SchemaNode> schemas, JsonElement value, Looked? looked, int enough)
    {
        var matching = 0;
        foreach (var schema in schemas)
        {
            var own = looked is null ? null : new Looked();
            if (Check(schema, value, null, own))
            {
                Merge(own, looked);
                matching++;
            }
            if (matching >= enough)
            {
                break;
            }
        }
        return matching;
    }

    /// <summary>What no other keyword has looked at.</summary>
    private bool CheckRest(SchemaNode node, JsonElement value, ValuePath? path, Looked looked)
    {
        var holds = true;
        if (node.UnevaluatedItems is not null && value.ValueKind is JsonValueKind.Array)
        {
            foreach (var (at, item) in value.EnumerateArray().Index())
            {
                holds = !Stops(holds, path) && (!looked.Items.Add(at) || Check(node.UnevaluatedItems, item, path?.Below(at), null)) && Spend(1) && holds;
            }
        }
        if (node.UnevaluatedProperties is not null && value.ValueKind is JsonValueKind.Object)
        {
            foreach (var property in value.EnumerateObject())
            {
                var name = JsonText.NameOf(property);
                holds = !Stops(holds, path) && (looked.Properties.Contains(name) || Check(node.UnevaluatedProperties, property.Value, path?.Below(name), null)) && Spend(1) && holds;
            }
            looked.Properties.UnionWith(value.EnumerateObject().Select(JsonText.NameOf));
        }
        return holds;
    }

    private void Merge(Looked? own, Looked? into)
    {
        if (own is not null && into is not null && Spend(own.Items.Count + own.Properties.Count))
        {
            into.Items.UnionWith(own.Items);
            into.Properties.UnionWith(own.Properties);
        }
    }

    /// <summary>All of these, each of which was looked at: each may have said what is wrong.</summary>
    private static bool All(params ReadOnlySpan<bool> holds) => !holds.Contains(false);

    /// <summary>Whether there is nothing more to be learned.</summary>
    private bool Stops(bool holds, ValuePath? path) => (!holds && path is null) || IsExhausted;

    private bool Spend(long amount) => (work -= amount) >= 0;

    /// <summary>Pays for reading a value whole.</summary>
    private bool SpendOn(JsonElement value) => Spend(1 + (JsonMarshal.GetRawUtf8Value(value).Length / BytesPerWork));

    private bool Fail(ValuePath? path, string problem)
    {
        if (path is not null && !IsExhausted)
        {
            errors!.Add(path.ToString(), problem);
            if (++_errors == JsonSchema.MostErrors)
            {
                work = -1;
            }
        }
        return false;
    }

    /// <summary>What of a value was looked at.</summary>
    private sealed class Looked
    {
        public HashSet<int> Items { get; } = [];
        public HashSet<string> Properties { get; } = new(StringComparer.Ordinal);
    }

    /// <summary>Where a value stands in the whole; written as a JSON pointer.</summary>
    private sealed class ValuePath(ValuePath? parent, string name)
    {
        public static ValuePath Root { get; } = new(null, "");

        public ValuePath Below(string child) => new(this, child);

        public ValuePath Below(int index) => new(this, index.ToString(System.Globalization.CultureInfo.InvariantCulture));

        public override string ToString() => parent is null ? "" : $"{parent}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
    }
}
