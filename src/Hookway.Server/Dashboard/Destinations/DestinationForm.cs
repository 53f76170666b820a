using System.Text.Json;
using System.Text.Json.Nodes;
using Hookway.Api;
using Hookway.Ingest.Destinations;
using Hookway.Ui;

namespace Hookway.Dashboard.Destinations;

/// <summary>Turns the form of a destination into a body for the API, which judges it.</summary>
public static class DestinationForm
{
    /// <param name="old">The destination that is changed; null for a new one.</param>
    public static JsonObject Body(FormState form, DestinationResource? old, FieldErrors errors)
    {
        var body = new JsonObject
        {
            ["name"] = form.Text("name") ?? "",
            ["filterEventTypes"] = form.Text("filterEventTypes") ?? "",
            ["filterEntityKey"] = form.Text("filterEntityKey"),
            ["transformBodyPath"] = form.Text("transformBodyPath"),
            ["transformExpression"] = form.Text("transformExpression"),
            ["retryMaxAttempts"] = form.Number("retryMaxAttempts"),
            ["retryBackoffSeconds"] = form.Number("retryBackoffSeconds"),
            ["rateLimitPerMinute"] = form.Number("rateLimitPerMinute"),
            ["ordered"] = form.Has("ordered"),
            ["headers"] = EndpointForm.Headers(form.Text("headers"), old?.Headers.Keys, errors),
        };
        if (form.Text("filterBodyPath") is { } path)
        {
            body["filterBodyPath"] = path;
            body["filterBodyValue"] = Value(form.Text("filterBodyValue"));
        }
        else if (old?.FilterBodyPath is not null)
        {
            body["filterBodyPath"] = null;
        }
        // Where it leads is one or the other, and stays so.
        if (old is null ? form.Text("appId") is not null : old.AppId is not null)
        {
            body["appId"] = form.Text("appId") ?? "";
        }
        else
        {
            body["endpointUrl"] = form.Text("endpointUrl") ?? "";
        }
        if (form.Text("signingSecret") is { } secret)
        {
            body["signingSecret"] = secret;
        }
        else if (form.Has("removeSecret"))
        {
            body["signingSecret"] = null;
        }
        return body;
    }

    /// <summary>The value that a form's filter compares with.</summary>
    public static JsonElement Element(string? text) => JsonSerializer.SerializeToElement(Value(text));

    /// <summary>JSON as it is; anything else is a text, so that nobody has to write quotes.</summary>
    private static JsonNode? Value(string? text)
    {
        try
        {
            return text is null ? null : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
