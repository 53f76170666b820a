using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hookway.Api;

/// <summary>A dotted path into a JSON value, such as <c>customer.id</c> or <c>items[0].id</c>.</summary>
public sealed partial class BodyPath
{
    private const int MostCharacters = 256;
    private readonly (string? Name, int Index)[] _steps;

    private BodyPath((string?, int)[] steps) => _steps = steps;

    /// <summary>What a path looks like, for error messages.</summary>
    public const string Form = "must be a dotted path such as customer.id or items[0].id, at most 256 characters";

    public static bool TryParse(string text, out BodyPath path)
    {
        path = null!;
        if (text.Length > MostCharacters || !Whole().IsMatch(text))
        {
            return false;
        }
        path = new BodyPath(Step().Matches(text)
            .Select(step => step.Groups["index"] is { Success: true } index
                ? ((string?)null, int.Parse(index.ValueSpan, CultureInfo.InvariantCulture))
                : (step.Groups["name"].Value, 0))
            .ToArray());
        return true;
    }

    /// <summary>The value there; undefined when a step does not exist.</summary>
    public JsonElement Find(JsonElement root)
    {
        var at = root;
        foreach (var (name, index) in _steps)
        {
            if (name is not null)
            {
                if (at.ValueKind is not JsonValueKind.Object || !TryStep(at, name, out at))
                {
                    return default;
                }
            }
            else
            {
                if (at.ValueKind is not JsonValueKind.Array || index >= at.GetArrayLength())
                {
                    return default;
                }
                at = at[index];
            }
        }
        return at;
    }

    /// <summary>The member of an object with this name, also where a neighbour has a name that is no text.</summary>
    internal static bool TryStep(JsonElement from, string name, out JsonElement to)
    {
        try
        {
            return from.TryGetProperty(name, out to);
        }
        catch (InvalidOperationException)
        {
            // A neighbour's name holds half of a surrogate pair, and so cannot be compared: the slow way passes it over.
            to = from.EnumerateObject().LastOrDefault(property => NameIs(property, name)).Value;
            return to.ValueKind is not JsonValueKind.Undefined;
        }
    }

    private static bool NameIs(JsonProperty property, string name)
    {
        try
        {
            return property.NameEquals(name);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^([^.\[\]]+(\[[0-9]{1,6}\])*)(\.[^.\[\]]+(\[[0-9]{1,6}\])*)*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\[(?<index>[0-9]+)\]|(?<name>[^.\[\]]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Step();
}
