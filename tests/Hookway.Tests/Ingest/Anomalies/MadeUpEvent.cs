using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>
/// A request that a vendor's record reads as an event of a certain type, about a certain thing, for which certain conditions hold: values are written to the very places where the record looks for them.
/// So every rule of every vendor can be tried, also those that are still to come.
/// </summary>
internal sealed partial class MadeUpEvent
{
    private static int _made;

    private readonly List<(string Name, string Value)> _headers = [];
    private readonly List<(string Name, string Value)> _form = [];
    private JsonNode? _body;

    /// <param name="entity">Where the thing stands that it is about; those of the vendor when it is empty.</param>
    public MadeUpEvent(VendorPreset preset, string type, string id, IReadOnlyList<ValueTemplate> entity, IEnumerable<RuleCondition> holds, ValueTemplate? from = null, DateTimeOffset? fromTime = null)
    {
        foreach (var condition in holds)
        {
            if ((condition.Is ?? condition.In?[0] ?? (condition.Over + 1)?.ToString(CultureInfo.InvariantCulture) ?? (condition.Exists == true ? "1" : null)) is { } value)
            {
                Set(condition.At, value);
            }
        }
        Fill(preset.EventType, type).ShouldBeTrue(type);
        Fill(entity.Count > 0 ? entity : preset.EntityKey, id).ShouldBeTrue(id);
        if (from is not null)
        {
            Fill([from], fromTime!.Value.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)).ShouldBeTrue(from.Text);
        }
        // The vendor's id, or else something that makes the content differ.
        var number = Interlocked.Increment(ref _made).ToString(CultureInfo.InvariantCulture);
        if (preset.EventId.Count > 0 && !preset.EventId[0].Sources.Any(source => IsSet(source.Text)) && Fill([preset.EventId[0]], "made_" + number))
        {
            return;
        }
        if (_form.Count > 0)
        {
            _form.Add(("made", number));
        }
        else
        {
            Set(_body is JsonArray ? "body:[0].made" : "body:made", number);
        }
    }

    public Task<Answer> Send(TestServer server, JsonElement source) => _form.Count > 0
        ? server.Deliver(
            source.Path(), Encoding.UTF8.GetBytes(string.Join('&', _form.Select(field => $"{Uri.EscapeDataString(field.Name)}={Uri.EscapeDataString(field.Value)}"))),
            "application/x-www-form-urlencoded", headers: [.. _headers])
        : server.Deliver(source.Path(), Encoding.UTF8.GetBytes(_body?.ToJsonString() ?? "{}"), headers: [.. _headers]);

    /// <summary>Writes a value so that the first template that can have it has it; false when none can.</summary>
    private bool Fill(IReadOnlyList<ValueTemplate> templates, string value)
    {
        foreach (var template in templates)
        {
            var places = Place().Matches(template.Text).Select(match => match.Groups[1].Value).ToList();
            var pattern = "^" + Place().Replace(Regex.Escape(template.Text).Replace("\\{", "{", StringComparison.Ordinal), "(.+?)") + "$";
            if (places.Count > 0 && places.All(place => !place.StartsWith("has:", StringComparison.Ordinal)) && Regex.Match(value, pattern) is { Success: true } match)
            {
                for (var i = 0; i < places.Count; i++)
                {
                    Set(places[i].TrimEnd('?'), match.Groups[i + 1].Value);
                }
                return true;
            }
        }
        return false;
    }

    private bool IsSet(string place) => place.StartsWith("header:", StringComparison.Ordinal) ? _headers.Exists(header => header.Name == place[7..])
        : place.StartsWith("form:", StringComparison.Ordinal) && _form.Exists(field => field.Name == place[5..]);

    private void Set(string place, string value)
    {
        var (kind, name) = (place.Split(':')[0], place[(place.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        switch (kind)
        {
            case "header":
                _headers.RemoveAll(header => header.Name == name);
                _headers.Add((name, value));
                break;
            case "form":
                _form.RemoveAll(field => field.Name == name);
                _form.Add((name, value));
                break;
            case "body":
                _body = Put(_body, [.. Step().Matches(name).Select(match => match.Value)], 0, value);
                break;
            default:
                throw new ArgumentException($"Nothing can be written to {place}.");
        }
    }

    private static JsonNode Put(JsonNode? into, IReadOnlyList<string> steps, int at, string value)
    {
        if (at == steps.Count)
        {
            return value is "true" or "false" ? JsonValue.Create(value == "true") : JsonValue.Create(value);
        }
        if (steps[at].StartsWith('['))
        {
            var list = into as JsonArray ?? [];
            var first = list.Count > 0 ? list[0] : null;
            list.Clear();
            list.Add(Put(first, steps, at + 1, value));
            return list;
        }
        var named = into as JsonObject ?? [];
        var name = steps[at] == "*" ? "any" : steps[at];
        var inner = named[name];
        named.Remove(name);
        named[name] = Put(inner, steps, at + 1, value);
        return named;
    }

    [GeneratedRegex(@"\{([^}]+)\}")]
    private static partial Regex Place();

    [GeneratedRegex(@"\[[^\]]*\]|[^.\[\]]+")]
    private static partial Regex Step();
}
