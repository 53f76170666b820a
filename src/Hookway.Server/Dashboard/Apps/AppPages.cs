using System.Text.Json;
using System.Text.Json.Nodes;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Ui;

namespace Hookway.Dashboard.Apps;

/// <summary>Apps, their catalog of event types and their settings.</summary>
public static class AppPages
{
    private const string One = "/w/{workspaceId}/apps/{appId}";

    public static void MapAppPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/w/{workspaceId}/apps", List);
        routes.MapGet("/w/{workspaceId}/apps/new", New);
        routes.MapPost("/w/{workspaceId}/apps", Create);
        routes.MapGet(One, (DashboardContext page, string appId) => new SeeOtherResult(page.AppUrl(appId, "messages")));
        routes.MapGet(One + "/event-types", Types);
        routes.MapGet(One + "/event-types/new", NewType);
        routes.MapGet(One + "/event-types/{name}", Type);
        routes.MapPost(One + "/event-types", Publish);
        routes.MapPost(One + "/event-types/{name}/archive", ArchiveType);
        routes.MapGet(One + "/settings", Settings);
        routes.MapPost(One + "/settings", Save);
        routes.MapPost(One + "/archive", Archive);
    }

    private static async Task<IResult> List(DashboardContext page, AppActivityReader activity)
    {
        var path = PageApi.Query("/api/v1/apps", ("limit", "50"), ("cursor", page.Asked("cursor")), ("includeArchived", page.Asked("archived") is null ? null : "true"));
        return (await page.Api.Get<Page<AppResource>>(path)).Failed(out var apps, out var problem)
            ? page.Failed(problem)
            : PageResult.Of<AppList>(page, new { Apps = apps, Activity = await activity.Read(page.Membership!.Workspace.No, [.. apps.Data.Select(app => app.AppId)]) });
    }

    private static PageResult New(DashboardContext page) => PageResult.Of<NewAppPage>(page, new { Form = (FormState?)null });

    private static async Task<IResult> Create(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post("/api/v1/apps", Body(form));
        return answer.IsGood
            ? new SeeOtherResult(page.AppUrl(answer.Read<AppResource>().AppId, "messages") + "?said=app-created")
            : PageResult.Of<NewAppPage>(page, new { Form = form.With(answer.Problem) }, answer.Status);
    }

    private static async Task<IResult> Types(string appId, DashboardContext page)
    {
        var path = PageApi.Query(PageApi.Path("apps", appId, "event-types"), ("limit", "100"), ("cursor", page.Asked("cursor")), ("includeArchived", page.Asked("archived") is null ? null : "true"));
        return (await App(page, appId)).Failed(out var app, out var problem) || (await page.Api.Get<Page<EventTypeResource>>(path)).Failed(out var types, out problem)
            ? page.Failed(problem)
            : PageResult.Of<TypeList>(page, new { App = app, Types = types });
    }

    private static async Task<IResult> NewType(string appId, DashboardContext page) =>
        (await App(page, appId)).Failed(out var app, out var problem)
            ? page.Failed(problem) : PageResult.Of<TypePage>(page, new { App = app, Type = (EventTypeResource?)null, Form = (FormState?)null });

    private static async Task<IResult> Type(string appId, string name, DashboardContext page) =>
        (await App(page, appId)).Failed(out var app, out var problem)
        || (await page.Api.Get<EventTypeResource>(PageApi.Path("apps", appId, "event-types", name))).Failed(out var type, out problem)
        ? page.Failed(problem)
        : PageResult.Of<TypePage>(page, new { App = app, Type = type, Form = (FormState?)null });

    private static async Task<IResult> Publish(string appId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        var body = new JsonObject { ["description"] = form.Text("description"), ["examplePayload"] = Json(form, "examplePayload", errors) };
        if (form.Text("name") is not { } name)
        {
            errors.Add("name", "is required");
            name = "";
        }
        if (form.Text("schema") is not null)
        {
            body["schema"] = Json(form, "schema", errors);
        }
        var problem = errors.Any ? Problem.Invalid(errors) : (await page.Api.Put(PageApi.Path("apps", appId, "event-types", name), body)).Problem;
        if (problem is null)
        {
            return new SeeOtherResult(page.AppUrl(appId, "event-types", name) + "?said=saved");
        }
        return (await App(page, appId)).Failed(out var app, out var missing) ? page.Failed(missing)
            : PageResult.Of<TypePage>(page, new
            {
                App = app,
                Type = form.Has("known") && name.Length > 0 ? (await page.Api.Get<EventTypeResource>(PageApi.Path("apps", appId, "event-types", name))).Value : null,
                Form = form.With(problem),
            }, problem.Status);
    }

    private static async Task<IResult> ArchiveType(string appId, string name, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("apps", appId, "event-types", name));
        return answer.IsGood ? new SeeOtherResult(page.AppUrl(appId, "event-types") + "?said=archived") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Settings(string appId, DashboardContext page) =>
        (await App(page, appId)).Failed(out var app, out var problem)
            ? page.Failed(problem) : PageResult.Of<AppSettings>(page, new { App = app, Form = (FormState?)null });

    private static async Task<IResult> Save(string appId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Patch(PageApi.Path("apps", appId), Body(form));
        if (answer.IsGood)
        {
            return new SeeOtherResult(page.AppUrl(appId, "settings") + "?said=saved");
        }
        return (await App(page, appId)).Failed(out var app, out var problem)
            ? page.Failed(problem) : PageResult.Of<AppSettings>(page, new { App = app, Form = form.With(answer.Problem) }, answer.Status);
    }

    private static async Task<IResult> Archive(string appId, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("apps", appId));
        return answer.IsGood ? new SeeOtherResult(page.Base + "/apps?said=archived") : page.Failed(answer.Problem!);
    }

    private static Task<ApiResult<AppResource>> App(DashboardContext page, string appId) => page.Api.Get<AppResource>(PageApi.Path("apps", appId));

    private static object Body(FormState form) => new
    {
        name = form.Text("name") ?? "", routingKeyBodyPath = form.Text("routingKeyBodyPath"), routingKeyHeader = form.Text("routingKeyHeader"),
    };

    private static JsonNode? Json(FormState form, string name, FieldErrors errors)
    {
        try
        {
            return form.Text(name) is { } text ? JsonNode.Parse(text) : null;
        }
        catch (JsonException)
        {
            errors.Add(name, "must be JSON");
            return null;
        }
    }
}
