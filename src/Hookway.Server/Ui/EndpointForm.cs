using System.Text.Json;
using System.Text.Json.Nodes;
using Hookway.Api;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Ui;

/// <summary>Turns the form of an endpoint into a body for the API, which judges it.</summary>
public static class EndpointForm
{
    /// <param name="old">The endpoint that is changed; null for a new one.</param>
    /// <returns>The body, or null when the form itself cannot be read: then <paramref name="errors"/> says why.</returns>
    public static JsonObject? Body(FormState form, EndpointResource? old, FieldErrors errors)
    {
        var body = new JsonObject
        {
            ["url"] = form.Text("url") ?? "",
            ["eventTypes"] = Types(form),
            ["retryMaxAttempts"] = form.Number("retryMaxAttempts"),
            ["retryBackoffSeconds"] = form.Number("retryBackoffSeconds"),
            ["rateLimitPerMinute"] = form.Number("rateLimitPerMinute"),
            ["ordered"] = form.Has("ordered"),
        };
        if (old is null || form.Text("name") is not null || old.Name is not null)
        {
            body["name"] = form.Text("name") ?? (old is null ? null : "");
        }
        body["filter"] = Filter(form.Text("filter"), errors);
        body["headers"] = Headers(form.Text("headers"), old?.Headers.Keys, errors);
        return errors.Any ? null : body;
    }

    private static JsonArray? Types(FormState form)
    {
        var types = form.All("type").Concat((form.Text("eventTypes") ?? "").Split([',', ' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)).Distinct(StringComparer.Ordinal).ToList();
        return types.Count == 0 ? null : new JsonArray([.. types.Select(type => (JsonNode)type)]);
    }

    private static JsonNode? Filter(string? text, FieldErrors errors)
    {
        if (text is null)
        {
            return null;
        }
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            errors.Add("filter", "must be JSON: a list of conditions");
            return null;
        }
    }

    /// <summary>Headers, one a line, as a change: a masked value is left as it is, and one whose line is gone is removed.</summary>
    /// <param name="known">The names of those that are there.</param>
    public static JsonObject? Headers(string? text, IEnumerable<string>? known, FieldErrors errors)
    {
        var given = new JsonObject();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in (text ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.Split(':', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } name, var value])
            {
                errors.Add("headers", $"must be one \"name: value\" a line; \"{line}\" is not");
                return null;
            }
            names.Add(name);
            if (value != CustomHeaders.Mask)
            {
                given[name] = value;
            }
        }
        foreach (var gone in known?.Where(name => !names.Contains(name)) ?? [])
        {
            given[gone] = null;
        }
        return given;
    }
}
