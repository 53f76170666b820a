using System.ComponentModel.DataAnnotations;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Issues;

/// <summary>The routes of issues.</summary>
public static class IssuesApi
{
    public static void MapIssues(this IEndpointRouteBuilder routes)
    {
        var issues = routes.MapGroup("/api/v1/ingest/issues").WithTags("Issues");
        issues.MapGet("/", List).Needs(Scopes.IngestRead).WithSummary("List issues").Paged()
            .WithDescription("What a person should look at: deliveries that fail, targets that were disabled, and what is wrong with the events of a source. Those opened last come first.")
            .WithQuery("q", "string", "The beginning of the id of an issue, or of a source, destination, event, app, endpoint or message that it is about; or a part of its text.")
            .WithQuery("status", "string", "Only those with this status.", [.. Issue.Statuses.Keys.Order(StringComparer.Ordinal)])
            .WithQuery("kind", "string", "Only those of this kind.", [.. Issue.Kinds.Keys.Order(StringComparer.Ordinal)])
            .WithQuery("sourceId", "string", "Only those about this source.").WithQuery("destinationId", "string", "Only those about this destination.")
            .WithQuery("appId", "string", "Only those about endpoints of this app.").WithQuery("endpointId", "string", "Only those about this endpoint.")
            .Produces<Page<IssueResource>>();
        issues.MapGet("/{issueId}", Get).Needs(Scopes.IngestRead).WithSummary("Fetch an issue").Produces<IssueResource>();
        issues.MapPost("/resolve", Resolve).Needs(Scopes.IngestWrite).WithSummary("Resolve issues")
            .WithDescription("They are over. When the same cause is seen again, another issue is opened.").Accepts<ChooseIssues>("application/json").Produces<MovedIssues>();
        issues.MapPost("/acknowledge", Acknowledge).Needs(Scopes.IngestWrite).WithSummary("Acknowledge issues")
            .WithDescription("Somebody looks after them. Those that are over stay so.").Accepts<ChooseIssues>("application/json").Produces<MovedIssues>();
        issues.MapPost("/ignore", Ignore).Needs(Scopes.IngestWrite).WithSummary("Ignore issues")
            .WithDescription("Nobody wants to hear of their causes: they go on being counted, and open no other issue until these are resolved.")
            .Accepts<ChooseIssues>("application/json").Produces<MovedIssues>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, IssueStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "issues", errors);
        var status = OneOf(request, "status", Issue.Statuses, errors);
        var kind = OneOf(request, "kind", Issue.Kinds, errors);
        var filter = new IssueFilter(
            request.Text("q"), status, kind, request.Text("sourceId"), request.Text("destinationId"), request.Text("appId"), request.Text("endpointId"));
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(caller.WorkspaceNo, filter, page.Before, page.Rows), issue => issue.No, IssueResource.Of));
    }

    private static async Task<IResult> Get(string issueId, Caller caller, IssueStore store) =>
        await store.Find(caller.WorkspaceNo, issueId) is { } issue ? TypedResults.Ok(IssueResource.Of(issue)) : Problem.NotFound("issue");

    private static Task<IResult> Resolve(HttpContext http, Caller caller, IssueDecision decision) => Move(http, caller, decision, IssueStatus.Resolved);

    private static Task<IResult> Acknowledge(HttpContext http, Caller caller, IssueDecision decision) => Move(http, caller, decision, IssueStatus.Acknowledged);

    private static Task<IResult> Ignore(HttpContext http, Caller caller, IssueDecision decision) => Move(http, caller, decision, IssueStatus.Ignored);

    private static async Task<IResult> Move(HttpContext http, Caller caller, IssueDecision decision, IssueStatus to)
    {
        var (input, problem) = await JsonInput.Read<ChooseIssues>(http);
        if (input is null)
        {
            return problem!;
        }
        if (input.IssueIds is not { Count: > 0 and <= PageRequest.MostItems } ids)
        {
            return Problem.Invalid("issueIds", $"must name 1 to {PageRequest.MostItems} issues");
        }
        return await decision.Move(caller, ids, to) is { } moved ? TypedResults.Ok(new MovedIssues([.. moved.Select(IssueResource.Of)])) : Problem.NotFound("issue");
    }

    private static T? OneOf<T>(HttpRequest request, string name, IReadOnlyDictionary<string, T> words, FieldErrors errors) where T : struct
    {
        if (request.Text(name) is not { } text)
        {
            return null;
        }
        if (words.TryGetValue(text, out var value))
        {
            return value;
        }
        errors.Add(name, $"must be one of {string.Join(", ", words.Keys.Order(StringComparer.Ordinal))}");
        return null;
    }
}

/// <summary>The issues that are meant.</summary>
/// <param name="IssueIds">1 to 250. When one is unknown, nothing changes.</param>
public sealed record ChooseIssues([property: Required] IReadOnlyList<string>? IssueIds) : IRequestBody;

/// <summary>The issues that were meant, as they are now, in the order in which they were opened.</summary>
public sealed record MovedIssues(IReadOnlyList<IssueResource> Data);

/// <summary>An issue, as the API shows it.</summary>
/// <param name="Kind">What is the matter: missing_event, an expected event has not come · late_event, events come long after what they tell of · duplicate_event · out_of_order · sequence_gap · silence, a source sends much less than usual · signature_failures · delivery_failed · endpoint_disabled, also of a destination · schema_change, a new type came, a field is no longer there, or the version of the vendor's API is another · unusual_rate, such as many more bounces among mails than usual.</param>
/// <param name="Status">open, or acknowledged by somebody · resolved, by somebody or because it was over; the same cause then opens another · ignored, which lasts.</param>
/// <param name="Title">What is the matter, in one sentence.</param>
/// <param name="Detail">What it means, and what to do.</param>
/// <param name="SourceId">The source that it is about; null when it is about none. The same goes for the other ids.</param>
/// <param name="EntityKey">What its events are about at the vendor.</param>
/// <param name="EventIds">The last events at which it was seen, at most 20, oldest first.</param>
/// <param name="MessageIds">The same of messages.</param>
/// <param name="Count">How often it was seen.</param>
/// <param name="ResolvedBy">The id of the key or member that resolved it; <c>system</c> when it ended by itself.</param>
public sealed record IssueResource(
    string IssueId,
    [property: AllowedValues("missing_event", "late_event", "duplicate_event", "out_of_order", "sequence_gap", "silence", "signature_failures", "delivery_failed", "endpoint_disabled", "schema_change", "unusual_rate")] string Kind,
    [property: AllowedValues("open", "acknowledged", "resolved", "ignored")] string Status,
    [property: AllowedValues("info", "warning", "error")] string Severity,
    string Title, string Detail, string? SourceId, string? DestinationId, string? AppId, string? EndpointId, string? Recipient, string? EntityKey,
    IReadOnlyList<string> EventIds, IReadOnlyList<string> MessageIds, long Count, DateTimeOffset FirstSeenAt, DateTimeOffset LastSeenAt, DateTimeOffset? ResolvedAt, string? ResolvedBy)
{
    public static IssueResource Of(Issue issue)
    {
        var isOfMessages = issue.About.EndpointId is not null;
        return new(
            issue.IssueId, Issue.Word(issue.Kind), Issue.Word(issue.Status), Issue.Word(issue.Severity), issue.Title, issue.Detail, issue.About.SourceId,
            issue.About.DestinationId, issue.About.AppId, issue.About.EndpointId, issue.About.Recipient, issue.About.EntityKey, isOfMessages ? [] : issue.ItemIds,
            isOfMessages ? issue.ItemIds : [], issue.Count, issue.FirstSeenAt, issue.LastSeenAt, issue.ResolvedAt, issue.ResolvedBy);
    }
}
