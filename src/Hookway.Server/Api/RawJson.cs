using System.Text.Json;

namespace Hookway.Api;

/// <summary>JSON that is kept as the bytes that came.</summary>
public static class RawJson
{
    /// <summary>The deepest nesting accepted: with the one level of what wraps it, what common receivers' parsers take by default.</summary>
    public const int MostDepth = 63;

    private static readonly JsonDocumentOptions AsAccepted = new() { MaxDepth = MostDepth };

    /// <summary>The text of a string; null when it holds half of a surrogate pair, which JSON can write and text cannot be.</summary>
    public static string? Text(JsonElement element)
    {
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Stored bytes as an element that is written out again just as they are; null for none.</summary>
    public static JsonElement? Element(ReadOnlyMemory<byte>? json)
    {
        if (json is not { Length: > 0 } bytes)
        {
            return null;
        }
        using var document = JsonDocument.Parse(bytes, AsAccepted);
        return document.RootElement.Clone();
    }

    /// <summary>Whether it can be compared with: a text, a number, true, false or null.</summary>
    public static bool IsScalar(JsonElement value) =>
        value.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null || (value.ValueKind is JsonValueKind.String && Text(value) is not null);

    /// <summary>Whether two scalars are the same. JSON types count: <c>"1"</c> is not <c>1</c>; numbers are compared by what they are worth.</summary>
    public static bool Same(JsonElement a, JsonElement b) => a.ValueKind == b.ValueKind && a.ValueKind switch
    {
        JsonValueKind.String => Text(a) is { } text && text == Text(b),
        JsonValueKind.Number => a.TryGetDecimal(out var x) && b.TryGetDecimal(out var y) ? x == y : a.GetDouble().Equals(b.GetDouble()),
        JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null => true,
        _ => false,
    };
}
