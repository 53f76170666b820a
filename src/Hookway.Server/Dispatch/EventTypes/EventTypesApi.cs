using System.Runtime.InteropServices;
using System.Text.Json;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes.Schemas;

namespace Hookway.Dispatch.EventTypes;

/// <summary>The routes of event types.</summary>
public static class EventTypesApi
{
    public static void MapEventTypes(this IEndpointRouteBuilder routes)
    {
        var types = routes.MapGroup("/api/v1/apps/{appId}/event-types").WithTags("Event types");
        types.MapPut("/{name}", Publish).Needs(Scopes.EventTypeWrite).WithSummary("Publish an event type")
            .WithDescription("Replaces the type when it exists (200), and takes it out of the archive.").Accepts<PublishEventType>("application/json")
            .Produces<EventTypeResource>(StatusCodes.Status201Created).Produces<EventTypeResource>();
        types.MapGet("/", List).Needs(Scopes.EventTypeRead).PortalMay(Capabilities.EndpointsRead).WithSummary("List event types").Paged()
            .WithQuery("includeArchived", "boolean", "Also show those that are archived.").Produces<Page<EventTypeResource>>();
        types.MapGet("/{name}", Get).Needs(Scopes.EventTypeRead).PortalMay(Capabilities.EndpointsRead).WithSummary("Fetch an event type").Produces<EventTypeResource>();
        types.MapDelete("/{name}", Archive).Needs(Scopes.EventTypeWrite).WithSummary("Archive an event type")
            .WithDescription("Messages of an archived type are refused.").Produces<EventTypeResource>();
    }

    private static async Task<IResult> Publish(string appId, string name, HttpContext http, Caller caller, AppStore apps, EventTypeStore store)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app })
        {
            return Problem.NotFound("app");
        }
        var (input, problem) = await JsonInput.Read<PublishEventType>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        if (!EventType.IsName(name))
        {
            errors.Add("name", EventType.NameForm);
        }
        if (input.Description?.Length > EventType.MostDescriptionCharacters)
        {
            errors.Add("description", $"must be at most {EventType.MostDescriptionCharacters} characters");
        }
        var schema = BytesOf(input.Schema);
        var example = BytesOf(input.ExamplePayload);
        Check(schema, example, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var (type, created) = await store.Publish(app, caller.Actor, name, input.Description, example, schema);
        return created
            ? TypedResults.Created($"/api/v1/apps/{appId}/event-types/{name}", EventTypeResource.Of(type))
            : TypedResults.Ok(EventTypeResource.Of(type));
    }

    private static byte[]? BytesOf(JsonElement? given) => given is { ValueKind: not JsonValueKind.Null } value ? JsonMarshal.GetRawUtf8Value(value).ToArray() : null;

    private static void Check(byte[]? schema, byte[]? example, FieldErrors errors)
    {
        if (schema is null || JsonSchema.Read(schema, "schema", errors) is not { } read || RawJson.Element(example) is not { } value)
        {
            return;
        }
        foreach (var (pointer, problems) in read.Check(value, example!.Length)?.ToDictionary() ?? new Dictionary<string, string[]>())
        {
            errors.Add("examplePayload" + pointer, "does not match the schema: " + string.Join("; ", problems));
        }
    }

    private static async Task<IResult> List(string appId, HttpRequest request, Caller caller, AppStore apps, EventTypeStore store)
    {
        if (await apps.View(caller, appId) is not { App: var app })
        {
            return Problem.NotFound("app");
        }
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "event-types", errors);
        var includeArchived = request.Flag("includeArchived", errors) ?? false;
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(app, includeArchived, page.Before, page.Rows), type => type.No, EventTypeResource.Of));
    }

    private static async Task<IResult> Get(string appId, string name, Caller caller, AppStore apps, EventTypeStore store) =>
        await apps.View(caller, appId) is not { App: var app } ? Problem.NotFound("app")
        : await store.Find(app, name) is { } type ? TypedResults.Ok(EventTypeResource.Of(type))
        : Problem.NotFound("event type");

    private static async Task<IResult> Archive(string appId, string name, Caller caller, AppStore apps, EventTypeStore store) =>
        await apps.View(caller, appId) is not { App: { ArchivedAt: null } app } ? Problem.NotFound("app")
        : await store.Archive(app, caller.Actor, name) is { } type ? TypedResults.Ok(EventTypeResource.Of(type))
        : Problem.NotFound("event type");
}

/// <summary>The body of "publish an event type".</summary>
/// <param name="Description">For people, at most 2000 characters.</param>
/// <param name="ExamplePayload">Any JSON value: what a test message carries as its <c>data</c>. It must match the schema, when both are given.</param>
/// <param name="Schema">A JSON Schema (2020-12) that the <c>data</c> of every message of this type must match, at most 64 KiB; docs/reference/event-type-schemas.md lists the keywords.</param>
public sealed record PublishEventType(string? Description, JsonElement? ExamplePayload, JsonElement? Schema) : IRequestBody;

/// <summary>An event type, as the API shows it.</summary>
public sealed record EventTypeResource(
    string Name, string? Description, JsonElement? ExamplePayload, JsonElement? Schema, bool Archived, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static EventTypeResource Of(EventType type) => new(
        type.Name, type.Description, RawJson.Element(type.ExamplePayload), RawJson.Element(type.Schema), type.ArchivedAt is not null, type.CreatedAt, type.UpdatedAt);
}
