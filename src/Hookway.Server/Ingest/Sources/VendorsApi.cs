using Hookway.Access;
using Hookway.Ingest.Verification;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Hookway.Ingest.Sources;

/// <summary>The route of the vendors that Hookway knows.</summary>
public static class VendorsApi
{
    private static readonly Lazy<VendorList> Known = new(() => new VendorList([.. VendorCatalog.All.Select(VendorResource.Of)]));

    public static void MapVendors(this IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1/ingest/vendors").WithTags("Sources").MapGet("/", List).Needs(Scopes.IngestRead).WithSummary("List vendors")
            .WithDescription("The presets, all of them at once: how each vendor signs, what is read from its events, and how to set it up.").Produces<VendorList>();

    private static Ok<VendorList> List() => TypedResults.Ok(Known.Value);
}

/// <summary>The vendors that Hookway knows, by name.</summary>
public sealed record VendorList(IReadOnlyList<VendorResource> Data);

/// <summary>A vendor, as the API shows it.</summary>
/// <param name="Vendor">Its key, for a source's <c>vendor</c>.</param>
/// <param name="Documentation">The vendor's own page about its webhooks.</param>
/// <param name="SecretLabel">What its signing secret is called there; null when it has none.</param>
/// <param name="Algorithm">How it signs; <c>none</c> when it does not.</param>
/// <param name="Coverage">What a genuine signature vouches for: <c>body</c>, <c>partial</c> (some values, not the body as a whole) or <c>none</c> (at most who sent it).</param>
/// <param name="Headers">Those that are read to check a request.</param>
/// <param name="ToleranceSeconds">How old a signature may be; null when it has no time.</param>
/// <param name="EventIdPaths">Where its id of an event stands: the first of these that is there. Empty, or none there: equal content is marked as a duplicate and forwarded all the same.</param>
/// <param name="EventTypePaths">Where it says what happened.</param>
/// <param name="EntityKeyPaths">Where it says to what.</param>
/// <param name="TimePaths">Where it says when.</param>
/// <param name="ApiVersionPath">Where it says by which version of its API the event is written; null when it does not say.</param>
/// <param name="RetryCountPath">Where it says how often it has tried to send the event; null when it does not say.</param>
/// <param name="GapRules">What should follow what, and how events are numbered.</param>
/// <param name="SetupSteps">What to do at the vendor, in order.</param>
public sealed record VendorResource(
    string Vendor, string Name, string Category, Uri? Documentation, string? SecretLabel, string Algorithm, string Coverage, IReadOnlyList<string> Headers, int? ToleranceSeconds,
    IReadOnlyList<string> EventIdPaths, IReadOnlyList<string> EventTypePaths, IReadOnlyList<string> EntityKeyPaths, IReadOnlyList<string> TimePaths, string? ApiVersionPath, string? RetryCountPath,
    IReadOnlyList<VendorRule> GapRules, IReadOnlyList<string> SetupSteps)
{
    public static VendorResource Of(VendorPreset vendor) => new(
        vendor.Key, vendor.Name, vendor.Category, vendor.Documentation, vendor.SecretLabel, Words.Of(vendor.Scheme.Algorithm), Words.Of(vendor.Scheme.EffectiveCoverage),
        [.. vendor.Scheme.Headers], vendor.Scheme.ToleranceSeconds, Texts(vendor.EventId), Texts(vendor.EventType), Texts(vendor.EntityKey), Texts(vendor.Time), vendor.ApiVersion?.Text, vendor.Retry?.At.Text,
        [.. vendor.Rules.Select(rule => new VendorRule(rule.Name, Words.Of(rule.Kind), rule.Text, (int?)rule.Within?.TotalSeconds))], vendor.Setup);

    private static List<string> Texts(IReadOnlyList<ValueTemplate> templates) => [.. templates.Select(template => template.Text)];
}

/// <summary>What should hold of a vendor's events among themselves.</summary>
/// <param name="Kind"><c>expect</c>: after one event another should come. <c>sequence</c>: events are numbered. <c>share</c>: some events have a usual share in others, over a day.</param>
/// <param name="WithinSeconds">How long is waited before something is missing, where a source sets nothing else (<c>expectations</c>); below zero, how long before a time that the event names; null where nothing is waited for.</param>
public sealed record VendorRule(string Name, string Kind, string Text, int? WithinSeconds);
