using System.Text;
using System.Text.Json;
using Hookway.Api;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.JmesPath;
using Hookway.Ingest.Ledger;

namespace Hookway.Dashboard.Destinations;

/// <summary>What a transformation makes of a real event, before it is saved.</summary>
/// <param name="Event">The event; null when the source has none yet.</param>
/// <param name="Result">What would be sent; null when it cannot be made.</param>
public sealed record TransformPreview(EventResource? Event, string? Result, string? Problem)
{
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
            BodyPath? part = null;
            if (bodyPath is not null)
            {
                if (!BodyPath.TryParse(bodyPath, out var parsed))
                {
                    return new(found, null, "The path " + BodyPath.Form);
                }
                part = parsed;
            }
            var (read, fault) = expression is null ? (null, null) : JmesExpression.Read(expression);
            if (fault is not null)
            {
                return new(found, null, "The expression " + fault);
            }
            var (made, problem) = Transformation.Of(document.RootElement, part, bodyPath, read);
            return new(found, problem is null ? Encoding.UTF8.GetString(made.Span) : null, problem);
        }
        catch (JsonException)
        {
            return new(found, null, "The body of the newest event is not JSON, so it cannot be transformed.");
        }
    }
}
