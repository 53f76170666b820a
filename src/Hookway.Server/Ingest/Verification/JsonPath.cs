using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>
/// A path into a vendor's JSON: <c>data.object.id</c>, <c>[0].id</c>, <c>payload.*.entity.id</c> (the first property) or <c>events[*].id</c> (one value for each item).
/// </summary>
internal sealed partial class JsonPath
{
    private const int MostCharacters = 256;
    private readonly Step[] _steps;

    private JsonPath(Step[] steps) => _steps = steps;

    /// <summary>Whether it stands for a list of values.</summary>
    public bool IsList => _steps.Any(step => step.Kind is StepKind.AllItems);

    public static bool TryParse(string text, out JsonPath path)
    {
        path = null!;
        if (text.Length is 0 or > MostCharacters || !Whole().IsMatch(text))
        {
            return false;
        }
        path = new JsonPath([.. Part().Matches(text).Select(Step.Of)]);
        return true;
    }

    /// <summary>The value there; undefined when a step does not exist.</summary>
    public JsonElement First(JsonElement root)
    {
        foreach (var element in All(root))
        {
            return element;
        }
        return default;
    }

    /// <summary>The values there, an undefined one for each item of a list that has none.</summary>
    public IEnumerable<JsonElement> All(JsonElement root) => From(root, 0);

    private IEnumerable<JsonElement> From(JsonElement at, int next)
    {
        for (; next < _steps.Length; next++)
        {
            if (_steps[next].Kind is StepKind.AllItems)
            {
                return at.ValueKind is JsonValueKind.Array ? Each(at, next + 1) : [];
            }
            at = _steps[next].Take(at);
        }
        return [at];
    }

    private IEnumerable<JsonElement> Each(JsonElement list, int next)
    {
        foreach (var item in list.EnumerateArray())
        {
            foreach (var found in From(item, next))
            {
                yield return found;
            }
        }
    }

    private enum StepKind
    {
        Name,
        FirstProperty,
        Item,
        AllItems,
    }

    private readonly record struct Step(StepKind Kind, string Name, int Index)
    {
        public static Step Of(Match match) => match.Value switch
        {
            "[*]" => new(StepKind.AllItems, "", 0),
            "*" => new(StepKind.FirstProperty, "", 0),
            ['[', .. var digits, ']'] => new(StepKind.Item, "", int.Parse(digits, CultureInfo.InvariantCulture)),
            var name => new(StepKind.Name, name, 0),
        };

        public JsonElement Take(JsonElement from) => Kind switch
        {
            StepKind.Item => from.ValueKind is JsonValueKind.Array && Index < from.GetArrayLength() ? from[Index] : default,
            _ when from.ValueKind is not JsonValueKind.Object => default,
            StepKind.FirstProperty => from.EnumerateObject().FirstOrDefault().Value,
            _ => BodyPath.TryStep(from, Name, out var to) ? to : default,
        };
    }

    [GeneratedRegex(@"^([^.\[\]*{}]+|\*|(\[([0-9]{1,6}|\*)\]))(\[([0-9]{1,6}|\*)\])*(\.([^.\[\]*{}]+|\*)(\[([0-9]{1,6}|\*)\])*)*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\[([0-9]+|\*)\]|[^.\[\]]+", RegexOptions.CultureInvariant)]
    private static partial Regex Part();
}
