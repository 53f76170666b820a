using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Access;

/// <summary>The route of the audit log.</summary>
public static class AuditApi
{
    public static void MapAudit(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/v1/audit-log", List).WithTags("Workspace").Needs(Scopes.WorkspaceRead).WithSummary("List the audit log")
            .WithDescription("Every change of configuration: who made it, what was before and after it, without secrets. Newest first.").Paged()
            .WithQuery("since", "date-time", "Only changes at or after this time.")
            .WithQuery("actor", "string", "Only changes by this one: the id of a key, a member or a portal session; command or system.")
            .WithQuery("object", "string", "Only changes of this one: its id, or {appId}/recipients/{recipient}, or {appId}/event-types/{name}.")
            .Produces<Page<AuditEntryResource>>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, AuditStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "audit-log", errors);
        var since = request.Time("since", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(
                await store.List(caller.WorkspaceNo, since, request.Text("actor"), request.Text("object"), page.After, page.Rows),
                record => record.Seq, AuditEntryResource.Of));
    }
}

/// <summary>One change of configuration.</summary>
/// <param name="Actor">Who made it: the id of an API key, a member or a portal session; <c>command</c> for the command line, <c>system</c> for the server itself.</param>
/// <param name="ActorName">What people called the actor then.</param>
/// <param name="Action">What was done, such as <c>endpoint.updated</c>.</param>
/// <param name="ObjectId">The id of what was changed; of a recipient or an event type <c>{appId}/recipients/{recipient}</c> or <c>{appId}/event-types/{name}</c>.</param>
/// <param name="Before">As the API showed it before; null when it was not there, or was erased.</param>
/// <param name="After">As the API showed it after; null when it is gone, or was erased.</param>
/// <param name="RequestId">The request that made the change; null for a change that none made.</param>
public sealed record AuditEntryResource(
    DateTimeOffset At, string Actor, string? ActorName, string Action, [property: JsonPropertyName("object")] string ObjectId, JsonElement? Before, JsonElement? After, string? RequestId)
{
    public static AuditEntryResource Of(AuditRecord record) => new(
        record.At, record.Actor.Id, record.Actor.Name, record.Action, record.ObjectId, Element(record.Before), Element(record.After), record.Actor.RequestId);

    private static JsonElement? Element(string? json) => json is null ? null : JsonElement.Parse(json, new JsonDocumentOptions { MaxDepth = RawJson.MostDepth + 2 });
}
