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
}
