using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace Hookway.Api;

/// <summary>Refuses U+0000 in the texts of a request: JSON can write it, and PostgreSQL's text cannot hold it.</summary>
public static class StorableText
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

    /// <summary>A 400 that names the first field whose text cannot be stored; null when all can.</summary>
    public static Problem? Problem(object request)
    {
        foreach (var property in Properties.GetOrAdd(request.GetType(), type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)))
        {
            if (Holds(property.GetValue(request)))
            {
                return Api.Problem.Invalid(JsonNamingPolicy.CamelCase.ConvertName(property.Name), "must not hold the character U+0000");
            }
        }
        return null;
    }

    private static bool Holds(object? value) => value switch
    {
        null => false,
        string text => text.Contains('\0', StringComparison.Ordinal),
        IOptional optional => Holds(optional.Boxed),
        IReadOnlyDictionary<string, string?> map => map.Any(pair => Holds(pair.Key) || Holds(pair.Value)),
        IEnumerable<string?> list => list.Any(Holds),
        _ => false,
    };
}
