using System.Text.Json;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>One schema or subschema, read and ready to be checked against: a field for each keyword that says something, null or false where it is absent.</summary>
internal sealed class SchemaNode
{
    /// <summary>The schemas <c>true</c> and <c>false</c>.</summary>
    public bool? Always { get; set; }

    // What any value is judged by.
    public SchemaTypes? Types { get; set; }
    public HashSet<JsonElement>? Enum { get; set; }

    /// <summary>What the values of <see cref="Enum"/> are, for messages.</summary>
    public string? EnumText { get; set; }

    // Numbers.
    public JsonNumber? MultipleOf { get; set; }
    public JsonNumber? Minimum { get; set; }
    public JsonNumber? Maximum { get; set; }
    public JsonNumber? ExclusiveMinimum { get; set; }
    public JsonNumber? ExclusiveMaximum { get; set; }

    // Strings.
    public long? MinLength { get; set; }
    public long? MaxLength { get; set; }
    public Pattern? Pattern { get; set; }

    // Arrays.
    public List<SchemaNode>? PrefixItems { get; set; }
    public SchemaNode? Items { get; set; }
    public SchemaNode? Contains { get; set; }
    public long? MinContains { get; set; }
    public long? MaxContains { get; set; }
    public long? MinItems { get; set; }
    public long? MaxItems { get; set; }
    public bool UniqueItems { get; set; }
    public SchemaNode? UnevaluatedItems { get; set; }

    // Objects.
    public Dictionary<string, SchemaNode>? Properties { get; set; }
    public List<(Pattern Pattern, SchemaNode Node)>? PatternProperties { get; set; }
    public SchemaNode? AdditionalProperties { get; set; }
    public SchemaNode? PropertyNames { get; set; }
    public long? MinProperties { get; set; }
    public long? MaxProperties { get; set; }
    public List<string>? Required { get; set; }
    public Dictionary<string, List<string>>? DependentRequired { get; set; }
    public Dictionary<string, SchemaNode>? DependentSchemas { get; set; }
    public SchemaNode? UnevaluatedProperties { get; set; }

    // Other schemas for the same value.
    public SchemaNode? Ref { get; set; }
    public List<SchemaNode>? AllOf { get; set; }
    public List<SchemaNode>? AnyOf { get; set; }
    public List<SchemaNode>? OneOf { get; set; }
    public SchemaNode? Not { get; set; }
    public SchemaNode? If { get; set; }
    public SchemaNode? Then { get; set; }
    public SchemaNode? Else { get; set; }

    /// <summary>Whether it asks what other schemas for the same value have looked at.</summary>
    public bool AsksForTheRest => UnevaluatedItems is not null || UnevaluatedProperties is not null;

    /// <summary>The schemas that judge the same value as this one does: a circle of them would never end.</summary>
    public IEnumerable<SchemaNode> SameValue =>
        new[] { Ref, Not, If, Then, Else }.OfType<SchemaNode>().Concat(AllOf ?? []).Concat(AnyOf ?? []).Concat(OneOf ?? []).Concat(DependentSchemas?.Values.AsEnumerable() ?? []);
}

/// <summary>The types that a value may have.</summary>
[Flags]
internal enum SchemaTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Object = 4,
    Array = 8,
    Number = 16,
    String = 32,
    Integer = 64,
}

/// <summary>Words for messages.</summary>
internal static class SchemaWords
{
    /// <summary>"a string", "an object or null".</summary>
    public static string Of(SchemaTypes types) => string.Join(" or ", Enum.GetValues<SchemaTypes>().Where(type => type is not SchemaTypes.None && types.HasFlag(type)).Select(type => type switch
    {
        SchemaTypes.Null => "null",
        SchemaTypes.Boolean => "true or false",
        SchemaTypes.Object => "an object",
        SchemaTypes.Array => "a list",
        SchemaTypes.Integer => "a whole number",
        SchemaTypes.Number => "a number",
        _ => "a string",
    }));
}
