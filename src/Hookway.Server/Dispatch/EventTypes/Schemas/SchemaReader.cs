using System.Text.Json;
using System.Text.RegularExpressions;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>
/// Reads a schema into nodes: walks it, keyword by keyword (<see cref="SchemaKeywords"/>), remembers what can be referred to, and then follows the references. What is
/// not known is refused by name: a keyword passed over in silence would be a check that its author believes in and that is never made.
/// </summary>
internal sealed partial class SchemaReader(Action<string> fail)
{
    public const string Dialect = "https://json-schema.org/draft/2020-12/schema";

    private const string OwnBase = "https://schema.invalid/";
    private const int MostNodes = 5_000;
    private const int MostProblems = 10;
    private const int MostChained = 100;

    private readonly Dictionary<string, SchemaNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _resources = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Base, string Anchor), SchemaNode> _anchors = [];
    private readonly List<(SchemaNode Node, SchemaPlace Place, string Target)> _references = [];
    private readonly Dictionary<string, Pattern> _patterns = new(StringComparer.Ordinal);
    private int _problems;

    /// <summary>The root; null when something was wrong.</summary>
    public SchemaNode? Read(JsonElement schema)
    {
        _resources[OwnBase] = "";
        var root = Read(schema, new SchemaPlace("", OwnBase));
        foreach (var (node, place, target) in _references)
        {
            node.Ref = Find(place, target);
        }
        if (_problems == 0)
        {
            FindCircles();
        }
        return _problems == 0 ? root : null;
    }

    /// <summary>Reads a schema that stands at a place.</summary>
    public SchemaNode Read(JsonElement schema, SchemaPlace place)
    {
        var node = new SchemaNode();
        if (_nodes.Count >= MostNodes)
        {
            Fail(place, $"has more than {MostNodes} subschemas");
            return node;
        }
        _nodes[place.Pointer] = node;
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            node.Always = schema.ValueKind is JsonValueKind.True;
        }
        else if (schema.ValueKind is not JsonValueKind.Object)
        {
            Fail(place, "must be a schema: an object, true or false");
        }
        else
        {
            ReadKeywords(schema, node, place);
        }
        return node;
    }

    private void ReadKeywords(JsonElement schema, SchemaNode node, SchemaPlace place)
    {
        var keywords = new List<(string Name, JsonElement Value)>();
        foreach (var property in schema.EnumerateObject())
        {
            keywords.Add((JsonText.NameOf(property), property.Value));
        }
        if (keywords.GroupBy(keyword => keyword.Name).FirstOrDefault(group => group.Count() > 1) is { } doubled)
        {
            Fail(place, $"has {Shown(doubled.Key)} twice");
            return;
        }
        // What names the schema decides what its references, and those of all below it, are relative to.
        if (keywords.Find(keyword => keyword.Name == "$id") is { Name: not null } id)
        {
            place = Rename(place, id.Value);
        }
        var read = new SchemaKeywords(this, node, place);
        foreach (var (name, value) in keywords)
        {
            if (!read.Take(name, value))
            {
                Fail(place, $"the keyword {Shown(name)} is not supported{SchemaKeywords.Instead(name)}");
            }
        }
    }

    private SchemaPlace Rename(SchemaPlace place, JsonElement id)
    {
        if (id.ValueKind is not JsonValueKind.String || Resolve(place.Base, JsonText.Of(id)) is not ({ } name, null or ""))
        {
            Fail(place, "$id must be a URI reference without a fragment");
            return place;
        }
        if (!_resources.TryAdd(name, place.Pointer))
        {
            Fail(place, $"$id: another schema here is called {Shown(name)} too");
        }
        return place with { Base = name };
    }

    /// <summary>Makes a node known by a name in its resource.</summary>
    public void Anchor(SchemaNode node, SchemaPlace place, string anchor)
    {
        if (!AnchorName().IsMatch(anchor) || !_anchors.TryAdd((place.Base, anchor), node))
        {
            Fail(place, "$anchor must be a name of letters, digits, -, . and _ that no other schema here has");
        }
    }

    /// <summary>Notes a reference, which is followed when all has been read.</summary>
    public void Refer(SchemaNode node, SchemaPlace place, string target) => _references.Add((node, place, target));

    public Pattern? ReadPattern(string text, SchemaPlace place)
    {
        if (_patterns.TryGetValue(text, out var known))
        {
            return known;
        }
        var (pattern, problem) = Pattern.Read(text);
        if (pattern is null)
        {
            Fail(place, $"the pattern {Shown(text)} {problem}");
            return null;
        }
        return _patterns[text] = pattern;
    }

    public void Fail(SchemaPlace place, string problem)
    {
        if (_problems++ < MostProblems)
        {
            fail(place.Pointer.Length == 0 ? problem : $"{Shown(place.Pointer)}: {problem}");
        }
    }

    public static string Shown(string text) => text.Length <= 100 ? text : text[..99] + "…";

    private SchemaNode? Find(SchemaPlace place, string target)
    {
        if (Resolve(place.Base, target) is not ({ } resource, var fragment))
        {
            Fail(place, $"$ref {Shown(target)} is not a URI reference");
            return null;
        }
        if (!_resources.TryGetValue(resource, out var root))
        {
            Fail(place, $"$ref {Shown(target)} is remote: only what is in this schema can be referred to");
            return null;
        }
        var node = fragment is null or "" || fragment.StartsWith('/')
            ? _nodes.GetValueOrDefault(root + fragment)
            : _anchors.GetValueOrDefault((resource, fragment));
        if (node is null)
        {
            Fail(place, $"$ref {Shown(target)} leads to no schema");
        }
        return node;
    }

    /// <summary>The absolute name that a reference means, and its fragment, decoded.</summary>
    private static (string? Name, string? Fragment) Resolve(string from, string reference)
    {
        var hash = reference.IndexOf('#', StringComparison.Ordinal);
        var fragment = hash < 0 ? null : Uri.UnescapeDataString(reference[(hash + 1)..]);
        var path = hash < 0 ? reference : reference[..hash];
        return path.Length == 0 ? (from, fragment)
            : Uri.TryCreate(new Uri(from), path, out var absolute) ? (absolute.AbsoluteUri, fragment)
            : (null, null);
    }

    /// <summary>Refuses schemas that lead back to themselves without a step into the value, which could never be judged.</summary>
    private void FindCircles()
    {
        var done = new HashSet<SchemaNode>();
        var open = new HashSet<SchemaNode>();
        foreach (var (pointer, node) in _nodes)
        {
            if (Visit(node, done, open) is { } problem)
            {
                Fail(new SchemaPlace(pointer, ""), problem);
                return;
            }
        }
    }

    private static string? Visit(SchemaNode node, HashSet<SchemaNode> done, HashSet<SchemaNode> open)
    {
        if (done.Contains(node))
        {
            return null;
        }
        if (!open.Add(node))
        {
            return "leads back to itself without a step into the data";
        }
        if (open.Count > MostChained)
        {
            return $"leads through more than {MostChained} schemas for one value";
        }
        foreach (var next in node.SameValue)
        {
            if (Visit(next, done, open) is { } problem)
            {
                return problem;
            }
        }
        open.Remove(node);
        done.Add(node);
        return null;
    }

    [GeneratedRegex(@"^[A-Za-z_][-A-Za-z0-9._]*$")]
    private static partial Regex AnchorName();
}

/// <summary>Where a schema stands.</summary>
/// <param name="Pointer">A JSON pointer from the root of all.</param>
/// <param name="Base">The absolute name of the resource that it belongs to.</param>
internal sealed record SchemaPlace(string Pointer, string Base)
{
    public SchemaPlace Below(string name) => this with { Pointer = $"{Pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}" };

    public SchemaPlace Below(int index) => Below(index.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
