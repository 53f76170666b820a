using System.Runtime.InteropServices;
using System.Text.Json;
using Hookway.Api;
using Hookway.Ingest.JmesPath;

namespace Hookway.Ingest.Destinations;

/// <summary>What a destination makes of an event's body: a part of it, reshaped.</summary>
public static class Transformation
{
    /// <summary>The most bytes that an expression may make.</summary>
    public const int MostBytes = 4 * 1024 * 1024;

    /// <summary>The bytes to send, or a sentence that says why they cannot be made.</summary>
    /// <param name="part">The part that is taken; the whole when null.</param>
    /// <param name="partText">The same as it was written.</param>
    /// <param name="expression">What reshapes it; null when nothing does.</param>
    public static (ReadOnlyMemory<byte> Body, string? Problem) Of(JsonElement body, BodyPath? part, string? partText, JmesExpression? expression)
    {
        var json = part?.Find(body) ?? body;
        if (json.ValueKind is JsonValueKind.Undefined)
        {
            return (default, $"The body has nothing at {partText}.");
        }
        if (expression is null)
        {
            return (JsonMarshal.GetRawUtf8Value(json).ToArray(), null);
        }
        var (made, problem) = expression.Apply(json, MostBytes);
        return (made, problem);
    }
}
