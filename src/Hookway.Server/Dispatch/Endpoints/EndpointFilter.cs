using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;

namespace Hookway.Dispatch.Endpoints;

/// <summary>One condition on a message's <c>data</c>: the value at a path equals a scalar, is one of several, or exists. JSON types count: <c>"1"</c> is not <c>1</c>.</summary>
/// <param name="BodyPath">A dotted path such as <c>customer.id</c>.</param>
/// <param name="EqualTo">The scalar it must equal.</param>
/// <param name="In">The scalars of which it must be one.</param>
/// <param name="Exists">Whether there must be a value.</param>
public sealed record FilterCondition(
    string? BodyPath,
    [property: JsonPropertyName("equals"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] Optional<JsonElement> EqualTo,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<JsonElement>? In,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Exists);

/// <summary>What an endpoint asks of a message's <c>data</c>: all its conditions must hold.</summary>
public sealed class EndpointFilter
{
    public const int MostConditions = 20;
    private const int MostValues = 100;

    private readonly (BodyPath Path, FilterCondition Condition)[] _conditions;

    private EndpointFilter(IReadOnlyList<FilterCondition> conditions, (BodyPath, FilterCondition)[] parsed)
    {
        Conditions = conditions;
        _conditions = parsed;
    }

    public IReadOnlyList<FilterCondition> Conditions { get; }

    /// <summary>Reads a filter; adds what is wrong with it by field. Null for no conditions.</summary>
    public static EndpointFilter? From(IReadOnlyList<FilterCondition>? conditions, FieldErrors errors)
    {
        if (conditions is not { Count: > 0 })
        {
            return null;
        }
        if (conditions.Count > MostConditions)
        {
            errors.Add("filter", $"must have at most {MostConditions} conditions");
            return null;
        }
        var parsed = new List<(BodyPath, FilterCondition)>();
        for (var i = 0; i < conditions.Count; i++)
        {
            var condition = conditions[i];
            BodyPath? path = null;
            if (condition?.BodyPath is null || !BodyPath.TryParse(condition.BodyPath, out path))
            {
                errors.Add($"filter[{i}].bodyPath", BodyPath.Form);
            }
            else if (Problem(condition) is { } problem)
            {
                errors.Add($"filter[{i}]", problem);
            }
            else
            {
                parsed.Add((path, condition));
            }
        }
        return new EndpointFilter(conditions, [.. parsed]);
    }

    public bool Matches(JsonElement data) => _conditions.All(item => Matches(item.Path.Find(data), item.Condition));

    private static string? Problem(FilterCondition condition)
    {
        if ((condition.EqualTo.IsSet ? 1 : 0) + (condition.In is null ? 0 : 1) + (condition.Exists is null ? 0 : 1) != 1)
        {
            return "must have exactly one of equals, in and exists";
        }
        if (condition.In?.Count is 0 or > MostValues)
        {
            return $"must have 1 to {MostValues} values in \"in\"";
        }
        var values = condition.EqualTo.IsSet ? [condition.EqualTo.Value] : condition.In ?? [];
        return values.All(RawJson.IsScalar) ? null : "must compare with strings, numbers, true, false or null";
    }

    private static bool Matches(JsonElement found, FilterCondition condition)
    {
        var exists = found.ValueKind is not JsonValueKind.Undefined;
        return condition.Exists is { } wanted ? exists == wanted
            : exists && (condition.EqualTo.IsSet ? RawJson.Same(found, condition.EqualTo.Value) : condition.In!.Any(value => RawJson.Same(found, value)));
    }
}
