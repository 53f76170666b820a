using System.Text;
using System.Text.Json;
using Hookway.Api;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.JmesPath;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Ui;

namespace Hookway.Dashboard.Destinations;

/// <summary>What a transformation makes of a real event, before it is saved.</summary>
/// <param name="Event">The event; null when the source has none yet.</param>
/// <param name="Result">What would be sent; null when it cannot be made.</param>
public sealed record TransformPreview(EventResource? Event, string? Result, string? Problem)
{
    /// <summary>Whether the form's filter wants the event.</summary>
    public bool IsWanted { get; init; } = true;

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
        // As forwarding reads it: JSON, or the JSON in a field of a form.
        var json = JsonOf(found);
        if (json.ValueKind is JsonValueKind.Undefined)
        {
            return new(found, null, "The body of the newest event is not JSON, so it cannot be transformed.");
        }
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
        var (made, problem) = Transformation.Of(json, part, bodyPath, read);
        return new(found, problem is null ? Encoding.UTF8.GetString(made.Span) : null, problem);
    }

    /// <summary>Whether the filter of the form wants an event.</summary>
    public static bool Wants(FormState form, EventResource found)
    {
        var types = form.Text("filterEventTypes")?.Split([',', ' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return (types is null or [] || types.Any(pattern => Destination.Covers(pattern, found.Type)))
            && (form.Text("filterEntityKey") is not { } entity || entity == found.EntityKey)
            && (form.Text("filterBodyPath") is not { } text || (BodyPath.TryParse(text, out var path) && JsonOf(found) is { ValueKind: not JsonValueKind.Undefined } json
                && RawJson.Same(path.Find(json), DestinationForm.Element(form.Text("filterBodyValue")))));
    }

    private static JsonElement JsonOf(EventResource found) => found is not { BodyEncoding: "text", Body: { } body } ? default : new VendorRequest(
        found.Method, "", [.. (found.Headers ?? []).Select(header => KeyValuePair.Create(header.Name, header.Value))], Encoding.UTF8.GetBytes(body), found.ReceivedAt).Json;
}
