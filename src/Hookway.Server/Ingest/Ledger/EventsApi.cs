using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Deliveries;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Ledger;

/// <summary>The routes of the ledger.</summary>
public static class EventsApi
{
    private static readonly string[] SignatureStatuses = ["verified", "failed", "unchecked"];

    public static void MapEvents(this IEndpointRouteBuilder routes)
    {
        var events = routes.MapGroup("/api/v1/ingest/events").WithTags("Events");
        events.MapGet("/", List).Needs(Scopes.IngestRead).WithSummary("List events").Paged()
            .WithQuery("sourceId", "string", "Only those of this source.").WithQuery("type", "string", "Only those of this type; of a batch the first item's counts.")
            .WithQuery("entityKey", "string", "Only those that happened to this; of a batch the first item counts.")
            .WithQuery("signatureStatus", "string", "Only those with this signature status.", SignatureStatuses)
            .WithQuery("status", "string", "Only those with this status.", [.. ItemStatus.All])
            .WithQuery("since", "date-time", "Only those received at or after this time.").WithQuery("until", "date-time", "Only those received before this time.")
            .WithQuery("q", "string", "Only those whose id, vendor's id, entity or type is this or begins with it.")
            .Produces<Page<EventResource>>();
        events.MapGet("/{eventId}", Get).Needs(Scopes.IngestRead).WithSummary("Fetch an event")
            .WithDescription("With its headers, its body and its deliveries. A secret in the body (Figma, Microsoft Graph, Notion's token) is shown to ingest:write alone.").Produces<EventResource>();
        events.MapGet("/{eventId}/body", Body).Needs(Scopes.IngestRead).WithSummary("Fetch an event's body")
            .WithDescription("The bytes as they came; a secret in them is shown to ingest:write alone.").Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream");
        events.MapPost("/{eventId}/verify", Verify).Needs(Scopes.IngestWrite).WithSummary("Verify an event")
            .WithDescription("Checks the kept request again by the source as it is now, at the clock of its arrival; for example after a secret was corrected. With release it is forwarded, if it is genuine now.")
            .Accepts<VerifyEvent>("application/json").Produces<EventVerification>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, SourceStore sources, EventReader reader)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "events", errors);
        var signatureStatus = request.Text("signatureStatus");
        var status = request.Text("status");
        if (signatureStatus is not null && !SignatureStatuses.Contains(signatureStatus))
        {
            errors.Add("signatureStatus", $"must be one of {string.Join(", ", SignatureStatuses)}");
        }
        if (status is not null && !ItemStatus.All.Contains(status))
        {
            errors.Add("status", $"must be one of {string.Join(", ", ItemStatus.All)}");
        }
        var (since, until) = (request.Time("since", errors), request.Time("until", errors));
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        Source? source = null;
        if (request.Text("sourceId") is { } sourceId && (source = await sources.Find(caller.WorkspaceNo, sourceId)) is null)
        {
            return Problem.NotFound("source");
        }
        var filter = new EventFilter(
            source?.No, request.Text("type"), request.Text("entityKey"), signatureStatus is null ? null : Enum.Parse<SignatureStatus>(signatureStatus, ignoreCase: true), status,
            since, until, request.Text("q"));
        return TypedResults.Ok(page.Of(await reader.List(caller.WorkspaceNo, filter, page.Before, page.Rows), item => item.Event.Seq, item => item.Resource));
    }

    private static async Task<IResult> Get(string eventId, Caller caller, EventReader reader) =>
        await reader.WithRequest(caller, eventId) is { } found ? TypedResults.Ok(found) : Problem.NotFound("event");

    private static async Task<IResult> Body(string eventId, HttpResponse response, Caller caller, EventStore store, EventReader reader)
    {
        if (await store.Find(caller.WorkspaceNo, eventId) is not { } found || await reader.RequestOf(caller, found) is not { Body: { } body })
        {
            return Problem.NotFound("event's body");
        }
        // It may be a page with a script, and this is the origin of the dashboard.
        response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.File(body, "application/octet-stream", $"{eventId}.bin");
    }

    private static async Task<IResult> Verify(string eventId, HttpContext http, Caller caller, EventStore store, EventCheck check, EventReader reader)
    {
        if (await store.Find(caller.WorkspaceNo, eventId) is null)
        {
            return Problem.NotFound("event");
        }
        var (input, problem) = await JsonInput.Read<VerifyEvent>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        if (await check.Verify(caller, http.Request, eventId, input.Release ?? false) is not var (verdict, released)
            || await reader.WithRequest(caller, eventId) is not { } shown)
        {
            return Problem.NotFound("event");
        }
        return TypedResults.Ok(new EventVerification(verdict.IsVerified, verdict.Reason, verdict.Sentence, verdict.Evidence, released, shown));
    }
}
