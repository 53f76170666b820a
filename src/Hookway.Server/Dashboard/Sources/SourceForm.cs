using System.Text.Json.Nodes;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Ui;

namespace Hookway.Dashboard.Sources;

/// <summary>Turns the form of a source into a body for the API, which judges it.</summary>
public static class SourceForm
{
    /// <summary>The fields of a custom source's verification, in the order in which they are asked for.</summary>
    public static readonly (string Name, string Label, string Hint)[] VerificationTexts =
    [
        ("header", "Header", "that holds the signature or the token"), ("prefix", "Prefix", "of the signature, such as sha256="),
        ("contentTemplate", "What is signed", "{body} when blank; {timestamp}.{body} and the like"), ("timestampHeader", "Timestamp header", "what {timestamp} stands for"),
        ("eventIdPath", "Event id", "a path in the body, or header:Name"), ("eventTypePath", "Event type", "the same"), ("entityKeyPath", "Entity", "to what it happened"), ("timePath", "Time", "when it happened"),
    ];

    private static readonly Dictionary<string, string> CommonTexts = new()
    {
        [CommonRule.Late.Name] = "An event comes soon after what it tells of.",
        [CommonRule.Silence.Name] = "The feed is not silent for long, nor sends far less than usual.",
        [CommonRule.Order.Name] = "Events of one thing come in the order in which they happened.",
        [CommonRule.Duplicates.Name] = "An event comes once.",
        [CommonRule.Retries.Name] = "An event comes at the first try, where the vendor says which one it is.",
        [CommonRule.Schema.Name] = "Events look as they always did: types, fields, the version of the vendor's API.",
        [CommonRule.Downtime.Name] = "A server runs whenever a vendor sends that never sends again.",
    };

    /// <param name="isNew">Otherwise what is left blank is kept or taken away, as the page says.</param>
    public static JsonObject Body(FormState form, bool isNew, string? vendor)
    {
        var body = new JsonObject
        {
            ["name"] = form.Text("name") ?? "",
            ["publicUrl"] = form.Text("publicUrl"),
            ["forwardDuplicates"] = form.Has("forwardDuplicates"),
            ["retentionDays"] = form.Number("retentionDays"),
            ["rateLimitPerMinute"] = form.Number("rateLimitPerMinute"),
        };
        if (isNew)
        {
            body["vendor"] = vendor;
        }
        // A secret is never shown again: a blank field leaves it as it is, unless it is to be removed.
        var secrets = (form.Text("signingSecret") ?? "").Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (secrets.Length > 0)
        {
            body["signingSecret"] = secrets.Length == 1 ? JsonValue.Create(secrets[0]) : new JsonArray([.. secrets.Select(secret => (JsonNode)secret)]);
        }
        else if (!isNew && form.Has("removeSecret"))
        {
            body["signingSecret"] = null;
        }
        if (vendor == "custom")
        {
            body["verification"] = Verification(form);
        }
        return body;
    }

    /// <summary>What can be expected of a source's events: the rules of every source, and those of its vendor.</summary>
    public static IReadOnlyList<VendorRule> Rules(VendorResource? vendor) =>
    [
        .. CommonRule.All.Select(rule => new VendorRule(rule.Name, "common", CommonTexts[rule.Name], (int?)rule.Within?.TotalSeconds)),
        .. vendor?.GapRules ?? [],
    ];

    /// <summary>The rules that the form sets: those that are not chosen are off, those without a time of their own are as usual.</summary>
    public static JsonObject Expectations(FormState form, VendorResource? vendor)
    {
        var chosen = form.All("rule");
        var expectations = new JsonObject();
        foreach (var rule in Rules(vendor))
        {
            if (!chosen.Contains(rule.Name))
            {
                expectations[rule.Name] = null;
            }
            else if (form.Number("seconds." + rule.Name) is { } seconds && seconds != rule.WithinSeconds)
            {
                expectations[rule.Name] = seconds;
            }
        }
        return new JsonObject { ["expectations"] = expectations };
    }

    private static JsonObject? Verification(FormState form)
    {
        var verification = new JsonObject { ["algorithm"] = form.Text("verification.algorithm") };
        foreach (var (name, _, _) in VerificationTexts)
        {
            verification[name] = form.Text("verification." + name);
        }
        verification["encoding"] = form.Text("verification.encoding");
        verification["toleranceSeconds"] = form.Number("verification.toleranceSeconds");
        return verification["algorithm"] is null ? null : verification;
    }
}
