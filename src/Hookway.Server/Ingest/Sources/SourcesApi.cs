using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Sources;

/// <summary>The routes of sources.</summary>
public static class SourcesApi
{
    public static void MapSources(this IEndpointRouteBuilder routes)
    {
        var sources = routes.MapGroup("/api/v1/ingest/sources").WithTags("Sources");
        sources.MapPost("/", Create).Needs(Scopes.IngestWrite).WithSummary("Create a source").Accepts<CreateSource>("application/json")
            .WithDescription("Give its ingestUrl to the vendor.").Produces<SourceResource>(StatusCodes.Status201Created);
        sources.MapGet("/", List).Needs(Scopes.IngestRead).WithSummary("List sources").Paged()
            .WithQuery("includeArchived", "boolean", "Also show those that are archived.").Produces<Page<SourceResource>>();
        sources.MapGet("/{sourceId}", Get).Needs(Scopes.IngestRead).WithSummary("Fetch a source").Produces<SourceResource>();
        sources.MapPatch("/{sourceId}", Change).Needs(Scopes.IngestWrite).WithSummary("Change a source")
            .WithDescription("Changes apply to requests that come after the answer; events that are in the ledger can be checked again.")
            .Accepts<ChangeSource>("application/json").Produces<SourceResource>();
        sources.MapDelete("/{sourceId}", Archive).Needs(Scopes.IngestWrite).WithSummary("Archive a source")
            .WithDescription("Its URL answers 404 from then on, and what waits to be forwarded is canceled; its events can still be read.").Produces<SourceResource>();
        sources.MapPost("/{sourceId}/rotate-token", Rotate).Needs(Scopes.IngestWrite).WithSummary("Rotate a source's token")
            .WithDescription("Gives it a new ingestUrl; the old one still works for the grace period.").Accepts<RotateToken>("application/json").Produces<SourceResource>();
    }

    private static async Task<IResult> Create(HttpContext http, Caller caller, SourceStore store, PublicAddress address)
    {
        var (input, problem) = await JsonInput.Read<CreateSource>(http);
        if (input is null)
        {
            return problem!;
        }
        var settings = new SourceSettings(
            input.Name!, input.Vendor ?? VendorCatalog.Custom, input.SigningSecret?.Texts ?? [], input.Verification, input.PublicUrl, input.ForwardDuplicates ?? false,
            Enabled: true, input.RetentionDays, input.RateLimitPerMinute, SourceExpectations.Of(input.Expectations));
        var errors = new FieldErrors();
        SourceRules.Check(settings, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var source = await store.Create(caller, settings);
        return TypedResults.Created(
            $"/api/v1/ingest/sources/{source.SourceId}", SourceResource.Of(source, SourceCounts.None, address.Of(http.Request), showToken: true));
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, SourceStore store, PublicAddress address)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "sources", errors);
        var includeArchived = request.Flag("includeArchived", errors) ?? false;
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var found = await store.List(caller.WorkspaceNo, includeArchived, page.Before, page.Rows);
        var counts = await store.CountsOf([.. found.Select(source => source.No)]);
        return TypedResults.Ok(page.Of(
            found, source => source.No, source => SourceResource.Of(source, counts[source.No], address.Of(request), caller.Holds(Scopes.IngestWrite))));
    }

    private static Task<IResult> Get(string sourceId, HttpRequest request, Caller caller, SourceStore store, PublicAddress address) =>
        Show(sourceId, request, caller, store, address);

    private static async Task<IResult> Change(string sourceId, HttpContext http, Caller caller, SourceStore store, PublicAddress address)
    {
        if (await store.View(caller.WorkspaceNo, sourceId) is not { Source: { ArchivedAt: null } old })
        {
            return Problem.NotFound("source");
        }
        var (input, problem) = await JsonInput.Read<ChangeSource>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        if (input.Enabled is { IsSet: true, Value: null })
        {
            errors.Add("enabled", "must be true or false");
        }
        SourceRules.Check(Apply(input, old.Settings), errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        // What another change made of it meanwhile is judged again where it is stored.
        FieldErrors late = new();
        var changed = await store.Update(caller.WorkspaceNo, caller.Actor, "source.updated", sourceId, source =>
        {
            late = new FieldErrors();
            var wanted = Apply(input, source.Settings);
            SourceRules.Check(wanted, late);
            return late.Any ? null : source with { Settings = wanted };
        });
        return late.Any ? Problem.Invalid(late) : changed is null ? Problem.NotFound("source") : await Show(sourceId, http.Request, caller, store, address);
    }

    private static SourceSettings Apply(ChangeSource input, SourceSettings old) => new(
        input.Name.IsSet ? input.Name.Value! : old.Name,
        input.Vendor.Or(old.Vendor, VendorCatalog.Custom)!,
        input.SigningSecret.IsSet ? input.SigningSecret.Value?.Texts ?? [] : old.Secrets,
        input.Verification.Or(old.Verification, null),
        input.PublicUrl.Or(old.PublicUrl, null),
        input.ForwardDuplicates.Or(old.ForwardDuplicates, false)!.Value,
        input.Enabled.Or(old.Enabled, old.Enabled)!.Value,
        input.RetentionDays.Or(old.RetentionDays, null),
        input.RateLimitPerMinute.Or(old.RateLimitPerMinute, null),
        input.Expectations.IsSet ? SourceExpectations.Of(input.Expectations.Value) : old.Expectations);

    private static async Task<IResult> Archive(string sourceId, HttpRequest request, Caller caller, SourceStore store, DestinationRemoval removal, PublicAddress address) =>
        await removal.ArchiveSource(caller, sourceId) is null
            ? Problem.NotFound("source")
            : await Show(sourceId, request, caller, store, address);

    private static async Task<IResult> Rotate(string sourceId, HttpContext http, Caller caller, SourceStore store, PublicAddress address, TimeProvider clock)
    {
        if (await store.View(caller.WorkspaceNo, sourceId) is not { Source.ArchivedAt: null })
        {
            return Problem.NotFound("source");
        }
        var (input, problem) = await JsonInput.Read<RotateToken>(http, allowEmpty: true);
        if (input is null)
        {
            return problem!;
        }
        var grace = input.GracePeriodSeconds ?? RotateToken.DefaultGraceSeconds;
        if (grace is < 0 or > RotateToken.MostGraceSeconds)
        {
            return Problem.Invalid("gracePeriodSeconds", $"must be from 0 to {RotateToken.MostGraceSeconds}");
        }
        var now = clock.GetUtcNow();
        var token = Source.NewToken();
        var rotated = await store.Update(caller.WorkspaceNo, caller.Actor, "source.token_rotated", sourceId, source => source with
        {
            Token = token,
            PreviousTokens = grace == 0 ? [] :
            [
                new PreviousToken(Source.HashOf(source.Token), now + TimeSpan.FromSeconds(grace)),
                .. source.PreviousTokens.Where(previous => previous.ExpiresAt > now).Take(RotateToken.MostPrevious - 1),
            ],
        });
        return rotated is null ? Problem.NotFound("source") : await Show(sourceId, http.Request, caller, store, address);
    }

    private static async Task<IResult> Show(string sourceId, HttpRequest request, Caller caller, SourceStore store, PublicAddress address) =>
        await store.Find(caller.WorkspaceNo, sourceId) is { } source
            ? TypedResults.Ok(SourceResource.Of(source, (await store.CountsOf([source.No]))[source.No], address.Of(request), caller.Holds(Scopes.IngestWrite)))
            : Problem.NotFound("source");
}
