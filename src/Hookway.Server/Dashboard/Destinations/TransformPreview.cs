using System.Text;
using System.Text.Json;
using Hookway.Api;
using Hookway.Ingest.JmesPath;
using Hookway.Ingest.Ledger;

namespace Hookway.Dashboard.Destinations;

/// <summary>What a transformation makes of a real event, before it is saved.</summary>
/// <param name="Event">The event; null when the source has none yet.</param>
/// <param name="Result">What would be sent; null when it cannot be made.</param>
public sealed record TransformPreview(EventResource? Event, string? Result, string? Problem)
{
    private const int MostBytes = 1024 * 1024;

    public static TransformPreview Of(EventResource? found, string? bodyPath, string? expression)
    {
        if (found is null)
        {
            return new(null, null, "No event of this source has come yet that could be shown.");
        }
        if (found is not { BodyEncoding: "text", Body: { } body })
        {
            return new(found, null, "The newest event has no body that is text.");
        }
        if (bodyPath is null && expression is null)
        {
            return new(found, body, null);
        }
        try
        {
            using var document = JsonDocument.Parse(body);
            var json = document.RootElement;
            if (bodyPath is not null && (!BodyPath.TryParse(bodyPath, out var path) || (json = path.Find(json)).ValueKind is JsonValueKind.Undefined))
            {
                return new(found, null, $"The body has nothing at {bodyPath}.");
            }
            if (expression is null)
            {
                return new(found, json.GetRawText(), null);
            }
            var (read, problem) = JmesExpression.Read(expression);
            if (read is null)
            {
                return new(found, null, "The expression " + problem);
            }
            var (made, fault) = read.Apply(json, MostBytes);
            return new(found, made is null ? null : Encoding.UTF8.GetString(made), fault);
        }
        catch (JsonException)
        {
            return new(found, null, "The body of the newest event is not JSON, so it cannot be transformed.");
        }
    }
}
