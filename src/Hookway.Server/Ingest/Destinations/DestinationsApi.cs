using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Ingest.Destinations;

/// <summary>The routes of destinations.</summary>
public static class DestinationsApi
{
    public static void MapDestinations(this IEndpointRouteBuilder routes)
    {
        var destinations = routes.MapGroup("/api/v1/ingest/destinations").WithTags("Destinations");
        destinations.MapPost("/", Create).Needs(Scopes.IngestWrite).WithSummary("Create a destination").Accepts<CreateDestination>("application/json")
            .WithDescription(
                "It receives the vendor's method, body, content type and headers as they came, so that the vendor's own library still verifies them, with hookway-event-id, hookway-source and " +
                "hookway-attempt, and, when it has a signing secret, the Standard Webhooks headers.")
            .Produces<DestinationResource>(StatusCodes.Status201Created);
        destinations.MapGet("/", List).Needs(Scopes.IngestRead).WithSummary("List destinations").Paged()
            .WithQuery("sourceId", "string", "Only those of this source.").Produces<Page<DestinationResource>>();
        destinations.MapGet("/{destinationId}", Get).Needs(Scopes.IngestRead).WithSummary("Fetch a destination").Produces<DestinationResource>();
        destinations.MapPatch("/{destinationId}", Change).Needs(Scopes.IngestWrite).WithSummary("Change a destination")
            .WithDescription("URL, headers, secret, transformation, retry and rate changes hold from the next attempt of pending deliveries; filters for new events.")
            .Accepts<ChangeDestination>("application/json").Produces<DestinationResource>();
        destinations.MapDelete("/{destinationId}", Delete).Needs(Scopes.IngestWrite).WithSummary("Delete a destination")
            .WithDescription("Its pending deliveries are canceled; its history stays.").Produces<DestinationResource>();
    }

    private static async Task<IResult> Create(HttpContext http, Caller caller, DestinationStore store, DestinationRules rules)
    {
        var (input, problem) = await JsonInput.Read<CreateDestination>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        if (string.IsNullOrEmpty(input.SourceId))
        {
            errors.Add("sourceId", "is required");
        }
        var settings = input.ToSettings(errors);
        await rules.Check(caller.WorkspaceNo, settings, placeIsNew: true, errors, http.RequestAborted);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        return await store.Create(caller, input.SourceId!, settings) is { } created
            ? TypedResults.Created($"/api/v1/ingest/destinations/{created.DestinationId}", DestinationResource.Of(created))
            : Problem.Invalid("sourceId", "is not a source of this workspace that is in use");
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, DestinationStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "destinations", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(caller.WorkspaceNo, request.Text("sourceId"), page.Before, page.Rows), found => found.No, DestinationResource.Of));
    }

    private static async Task<IResult> Get(string destinationId, Caller caller, DestinationStore store) =>
        await store.Find(caller.WorkspaceNo, destinationId) is { } found ? TypedResults.Ok(DestinationResource.Of(found)) : Problem.NotFound("destination");

    private static async Task<IResult> Change(
        string destinationId, HttpContext http, Caller caller, DestinationStore store, DestinationRules rules, DestinationRemoval removal)
    {
        if (await store.Find(caller.WorkspaceNo, destinationId) is not { SourceIsArchived: false } old)
        {
            return Problem.NotFound("destination");
        }
        var (input, problem) = await JsonInput.Read<ChangeDestination>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        var wanted = input.Apply(old.Settings, errors);
        if (!errors.Any)
        {
            await rules.Check(caller.WorkspaceNo, wanted, input.EndpointUrl.IsSet || input.AppId.IsSet, errors, http.RequestAborted);
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        if (wanted.Enabled && !old.Settings.Enabled)
        {
            // What was pending when it was disabled is over, also if the step that ended it was cut short.
            await removal.EndAll(old.No);
        }
        var refusal = new FieldErrors();
        var changed = await store.Update(caller.WorkspaceNo, caller.Actor, "destination.updated", destinationId, destination =>
        {
            refusal = new FieldErrors();
            var settings = input.Apply(destination.Settings, refusal);
            DestinationRules.Check(settings, refusal);
            return refusal.Any ? null : destination with
            {
                Settings = settings,
                DisabledReason = settings.Enabled ? null : destination.DisabledReason ?? "Disabled through the API.",
            };
        });
        if (changed is null)
        {
            return refusal.Any ? Problem.Invalid(refusal) : Problem.NotFound("destination");
        }
        if (!changed.Settings.Enabled)
        {
            await removal.EndOrLeave(changed.No);
        }
        return TypedResults.Ok(DestinationResource.Of(changed));
    }

    private static async Task<IResult> Delete(string destinationId, Caller caller, DestinationStore store, DestinationRemoval removal) =>
        await store.Find(caller.WorkspaceNo, destinationId) is not null && await removal.Remove(caller, destinationId) is { } removed
            ? TypedResults.Ok(DestinationResource.Of(removed))
            : Problem.NotFound("destination");
}
