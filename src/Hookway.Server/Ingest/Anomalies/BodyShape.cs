using System.Text.Json;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Anomalies;

/// <summary>Which fields a body has, whatever their values: the paths of a JSON body, those of all items of a list as one, or the names of a form.</summary>
/// <param name="Paths">Those that are there.</param>
/// <param name="Closed">Of these, those that are null or empty: nothing is known of what may stand in them.</param>
/// <param name="IsCut">There are more than were looked at.</param>
public sealed record BodyShape(IReadOnlySet<string> Paths, IReadOnlySet<string> Closed, bool IsCut)
{
    public const int MostPaths = 200;
    private const int MostDepth = 5;
    private const int MostNameCharacters = 64;
    private const int MostItems = 20;

    /// <summary>The shape of a request; null when its body is neither.</summary>
    public static BodyShape? Of(VendorRequest request)
    {
        var shape = new Builder();
        if (request.Json.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
        {
            shape.Look(request.Json, "", 0);
        }
        else
        {
            foreach (var field in request.Form)
            {
                shape.Add(field.Key);
            }
        }
        return shape.Paths.Count == 0 ? null : new BodyShape(shape.Paths, shape.Closed, shape.IsCut);
    }

    /// <summary>Whether a path is missing; false where that is not known.</summary>
    public bool Lacks(string path)
    {
        if (IsCut || Paths.Contains(path))
        {
            return false;
        }
        for (var at = Parent(path); at.Length > 0; at = Parent(at))
        {
            if (Paths.Contains(at))
            {
                return !Closed.Contains(at);
            }
        }
        return true;
    }

    /// <summary>What a path stands in; empty of the outermost.</summary>
    internal static string Parent(string path)
    {
        var end = path.EndsWith("[*]", StringComparison.Ordinal) ? path.Length - 3 : path.LastIndexOf('.');
        return end <= 0 ? "" : path[..end];
    }

    private sealed class Builder
    {
        public HashSet<string> Paths { get; } = new(StringComparer.Ordinal);
        public HashSet<string> Closed { get; } = new(StringComparer.Ordinal);
        public bool IsCut { get; private set; }

        public void Look(JsonElement at, string path, int depth)
        {
            switch (at.ValueKind)
            {
                case JsonValueKind.Object:
                    LookAtFields(at, path, depth);
                    break;
                case JsonValueKind.Array:
                    LookAtItems(at, path, depth);
                    break;
                case JsonValueKind.Null:
                    Closed.Add(path);
                    break;
            }
        }

        public bool Add(string path)
        {
            IsCut |= Paths.Count >= MostPaths && !Paths.Contains(path);
            return !IsCut && (Paths.Add(path) || true);
        }

        private void LookAtFields(JsonElement at, string path, int depth)
        {
            var isEmpty = true;
            foreach (var field in at.EnumerateObject())
            {
                isEmpty = false;
                // Names that hold a path's own marks could not be told from paths.
                if (depth >= MostDepth || field.Name.Length is 0 or > MostNameCharacters || field.Name.AsSpan().IndexOfAny('.', '[', ']') >= 0)
                {
                    continue;
                }
                var inner = path.Length == 0 ? field.Name : $"{path}.{field.Name}";
                if (Add(inner))
                {
                    Look(field.Value, inner, depth + 1);
                }
            }
            if (isEmpty || depth >= MostDepth)
            {
                Closed.Add(path);
            }
        }

        private void LookAtItems(JsonElement at, string path, int depth)
        {
            var looked = 0;
            foreach (var item in at.EnumerateArray())
            {
                if (looked++ >= MostItems || !Add(path + "[*]"))
                {
                    break;
                }
                Look(item, path + "[*]", depth + 1);
            }
            if (looked == 0)
            {
                Closed.Add(path);
            }
        }
    }
}
