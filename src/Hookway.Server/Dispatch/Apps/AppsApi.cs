using System.ComponentModel.DataAnnotations;
using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Endpoints;

namespace Hookway.Dispatch.Apps;

/// <summary>The routes of apps.</summary>
public static class AppsApi
{
    public static void MapApps(this IEndpointRouteBuilder routes)
    {
        var apps = routes.MapGroup("/api/v1/apps").WithTags("Apps");
        apps.MapPost("/", Create).Needs(Scopes.AppWrite).WithSummary("Create an app").Accepts<CreateApp>("application/json")
            .Produces<AppResource>(StatusCodes.Status201Created);
        apps.MapGet("/", List).Needs(Scopes.AppRead).WithSummary("List apps").Paged().WithQuery("includeArchived", "boolean", "Also show those that are archived.")
            .Produces<Page<AppResource>>();
        apps.MapGet("/{appId}", Get).Needs(Scopes.AppRead).WithSummary("Fetch an app").Produces<AppResource>();
        apps.MapPatch("/{appId}", Change).Needs(Scopes.AppWrite).WithSummary("Change an app").Accepts<ChangeApp>("application/json").Produces<AppResource>();
        apps.MapDelete("/{appId}", Archive).Needs(Scopes.AppWrite).WithSummary("Archive an app")
            .WithDescription("Its pending deliveries are canceled; reads stay, writes answer 404.").Produces<AppResource>();
    }

    private static async Task<IResult> Create(HttpContext http, Caller caller, AppStore store)
    {
        var (input, problem) = await JsonInput.Read<CreateApp>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        App.Check(input.Name, input.RoutingKeyBodyPath, input.RoutingKeyHeader, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        (var app, problem) = await store.Create(caller, input.Name!, input.RoutingKeyBodyPath, input.RoutingKeyHeader);
        return app is null ? problem! : TypedResults.Created($"/api/v1/apps/{app.AppId}", AppResource.Of(app));
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, AppStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "apps", errors);
        var includeArchived = request.Flag("includeArchived", errors) ?? false;
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(
                await store.List(caller.WorkspaceNo, includeArchived, page.Before, page.Rows), app => app.No, AppResource.Of));
    }

    private static async Task<IResult> Get(string appId, Caller caller, AppStore store) =>
        await store.View(caller, appId) is { } view ? TypedResults.Ok(AppResource.Of(view.App)) : Problem.NotFound("app");

    private static async Task<IResult> Change(string appId, HttpContext http, Caller caller, AppStore store)
    {
        if (await store.View(caller, appId) is not { App: { ArchivedAt: null } old })
        {
            return Problem.NotFound("app");
        }
        var (input, problem) = await JsonInput.Read<ChangeApp>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        App Apply(App app) => app with
        {
            Name = input.Name.IsSet ? input.Name.Value! : app.Name,
            RoutingKeyBodyPath = input.RoutingKeyBodyPath.Or(app.RoutingKeyBodyPath, null),
            RoutingKeyHeader = input.RoutingKeyHeader.Or(app.RoutingKeyHeader, null),
        };
        var wanted = Apply(old);
        App.Check(wanted.Name, wanted.RoutingKeyBodyPath, wanted.RoutingKeyHeader, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        return await store.Update(caller, appId, Apply) is { } app ? TypedResults.Ok(AppResource.Of(app)) : Problem.NotFound("app");
    }

    private static async Task<IResult> Archive(string appId, Caller caller, EndpointRemoval removal) =>
        await removal.ArchiveApp(caller, appId) is { } archived ? TypedResults.Ok(AppResource.Of(archived)) : Problem.NotFound("app");
}

/// <summary>The body of "create an app".</summary>
/// <param name="Name">Required; 1 to 200 characters.</param>
/// <param name="RoutingKeyBodyPath">A dotted path into <c>data</c>, such as <c>customer.id</c>.</param>
/// <param name="RoutingKeyHeader">A request header's name.</param>
public sealed record CreateApp([property: Required] string? Name, string? RoutingKeyBodyPath, string? RoutingKeyHeader) : IRequestBody;

/// <summary>The body of "change an app": absent fields stay, null restores the default.</summary>
public sealed record ChangeApp(Optional<string> Name, Optional<string> RoutingKeyBodyPath, Optional<string> RoutingKeyHeader) : IRequestBody;

/// <summary>An app, as the API shows it.</summary>
public sealed record AppResource(
    string AppId, string Name, string? RoutingKeyBodyPath, string? RoutingKeyHeader,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ArchivedAt)
{
    public static AppResource Of(App app) => new(
        app.AppId, app.Name, app.RoutingKeyBodyPath, app.RoutingKeyHeader, app.CreatedAt, app.UpdatedAt, app.ArchivedAt);
}
