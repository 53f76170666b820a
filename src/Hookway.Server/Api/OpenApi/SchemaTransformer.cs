using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Hookway.Api.OpenApi;

/// <summary>Makes the schemas say what the API does: which fields are required, which may be null, and what each means, taken from the docstrings.</summary>
public sealed class SchemaTransformer(Docstrings docstrings) : IOpenApiSchemaTransformer
{
    public async Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var type = context.JsonTypeInfo.Type;
        if (type == typeof(DateTimeOffset) || type == typeof(DateTimeOffset?))
        {
            schema.Type = type == typeof(DateTimeOffset) ? JsonSchemaType.String : JsonSchemaType.String | JsonSchemaType.Null;
            schema.Format = "date-time";
        }
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Optional<>))
        {
            await Unwrap(schema, context, type.GetGenericArguments()[0], cancellationToken);
        }
        if (context.JsonTypeInfo.Kind is JsonTypeInfoKind.Object && context.JsonPropertyInfo is null && schema.Properties is not null)
        {
            DescribeObject(schema, context.JsonTypeInfo);
        }
    }

    /// <summary>An optional field of a PATCH is its value, or null for the default.</summary>
    private static async Task Unwrap(OpenApiSchema schema, OpenApiSchemaTransformerContext context, Type inner, CancellationToken cancellationToken)
    {
        var value = await context.GetOrCreateSchemaAsync(inner, null, cancellationToken);
        schema.Type = value.Type is { } types ? types | JsonSchemaType.Null : null;
        schema.Format = value.Format;
        schema.Items = value.Items;
        schema.Properties = value.Properties;
        schema.AdditionalProperties = value.AdditionalProperties;
        schema.Description = null;
        schema.Metadata?.Clear();
        ShowNullsIn(schema, context.JsonPropertyInfo);
    }

    private void DescribeObject(OpenApiSchema schema, JsonTypeInfo info)
    {
        var isRequest = info.Type.IsAssignableTo(typeof(IRequestBody));
        schema.Description = docstrings.SummaryOf(info.Type);
        // Answers may grow fields; requests may not have unknown ones.
        schema.AdditionalPropertiesAllowed = !isRequest;
        schema.Required = info.Properties
            .Where(property => isRequest ? Has<RequiredAttribute>(property) : !IsLeftOutSometimes(property))
            .Select(property => property.Name).ToHashSet();
        foreach (var property in info.Properties)
        {
            if (schema.Properties!.TryGetValue(property.Name, out var shown))
            {
                shown.Description = docstrings.ParameterOf(info.Type, MemberName(property)) ?? shown.Description;
                if (shown is OpenApiSchema own)
                {
                    Narrow(own, property, isRequest);
                }
            }
        }
    }

    private static void Narrow(OpenApiSchema shown, JsonPropertyInfo property, bool isRequest)
    {
        if (Allowed(property) is { } values)
        {
            shown.Enum = [.. values.Select(value => (JsonNode)value)];
        }
        if (isRequest && Has<RequiredAttribute>(property))
        {
            shown.Type &= ~JsonSchemaType.Null;
        }
        ShowNullsIn(shown, property);
    }

    /// <summary>Where a null may stand for a value of a map, its type alone does not tell.</summary>
    private static void ShowNullsIn(OpenApiSchema shown, JsonPropertyInfo? property)
    {
        if (shown.AdditionalProperties is not OpenApiSchema item || property?.AttributeProvider is not PropertyInfo member)
        {
            return;
        }
        var map = new NullabilityInfoContext().Create(member);
        map = map.Type.IsGenericType && map.Type.GetGenericTypeDefinition() == typeof(Optional<>) ? map.GenericTypeArguments[0] : map;
        if (map.GenericTypeArguments is [_, { ReadState: NullabilityState.Nullable }])
        {
            shown.AdditionalProperties = new OpenApiSchema { Type = item.Type | JsonSchemaType.Null };
        }
    }

    private static IReadOnlyList<string>? Allowed(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(AllowedValuesAttribute), true) is [AllowedValuesAttribute allowed, ..]
            ? [.. allowed.Values.OfType<string>()]
            : null;

    private static bool IsLeftOutSometimes(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), true) is [JsonIgnoreAttribute { Condition: not JsonIgnoreCondition.Never }, ..];

    private static bool Has<T>(JsonPropertyInfo property) where T : Attribute => property.AttributeProvider?.IsDefined(typeof(T), true) ?? false;

    private static string MemberName(JsonPropertyInfo property) => (property.AttributeProvider as MemberInfo)?.Name ?? property.Name;
}
