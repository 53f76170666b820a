using System.Text.Json.Nodes;
using Hookway.Api;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Ui;

namespace Hookway.Dashboard.Endpoints;

/// <summary>Endpoints: the list, one endpoint with its health and attempts, its settings and its secret.</summary>
public static class EndpointPages
{
    private const string Endpoints = "/w/{workspaceId}/apps/{appId}/endpoints";
    private const string One = Endpoints + "/{endpointId}";

    public static void MapEndpointPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Endpoints, List);
        routes.MapGet(Endpoints + "/new", New);
        routes.MapPost(Endpoints, Create);
        routes.MapGet(One, Show);
        routes.MapGet(One + "/settings", Settings);
        routes.MapPost(One + "/settings", Save);
        routes.MapGet(One + "/secret", Secret);
        routes.MapPost(One + "/secret/reveal", Reveal);
        routes.MapPost(One + "/secret/rotate", Rotate);
        routes.MapPost(One + "/test", Test);
        routes.MapPost(One + "/{change:regex(^(pause|resume|enable|disable)$)}", Change);
        routes.MapPost(One + "/replay", Replay);
        routes.MapPost(One + "/delete", Delete);
    }

    private static async Task<IResult> List(string appId, DashboardContext page)
    {
        var path = PageApi.Query(
            PageApi.Path("apps", appId, "endpoints"), ("limit", "50"), ("cursor", page.Asked("cursor")), ("recipient", page.Asked("recipient")), ("enabled", page.Asked("enabled")));
        return (await App(page, appId)).Failed(out var app, out var problem) || (await page.Api.Get<Page<EndpointResource>>(path)).Failed(out var endpoints, out problem)
            ? page.Failed(problem)
            : PageResult.Of<EndpointList>(page, new { App = app, Endpoints = endpoints });
    }

    private static async Task<IResult> New(string appId, DashboardContext page) => await FormPage(page, appId, null, null, StatusCodes.Status200OK);

    private static async Task<IResult> Create(string appId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        if (EndpointForm.Body(form, null, errors) is not { } body)
        {
            return await FormPage(page, appId, null, form.With(errors), StatusCodes.Status400BadRequest);
        }
        body["recipient"] = form.Text("recipient") ?? "";
        if (form.Text("signature") is { } signature)
        {
            body["signature"] = signature;
        }
        var answer = await page.Api.Post(PageApi.Path("apps", appId, "endpoints"), body);
        return answer.IsGood
            ? new SeeOtherResult(page.EndpointUrl(appId, answer.Json.GetProperty("endpointId").GetString()!) + "?said=created")
            : await FormPage(page, appId, null, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> Show(string appId, string endpointId, DashboardContext page)
    {
        if ((await Load(page, appId, endpointId)).Failed(out var found, out var missing))
        {
            return page.Failed(missing);
        }
        var path = PageApi.Path("apps", appId, "endpoints", endpointId, "attempts");
        var last = (await page.Api.Get<Page<AttemptResource>>(path + "?limit=80")).Value?.Data ?? [];
        var window = StatWindow.Of(page.Asked("window"), page.Now - found.Endpoint.CreatedAt);
        var since = Times.Format(page.Now - window.Length);
        if ((await page.Api.Get<TargetStats>(PageApi.Query(PageApi.Path("apps", appId, "endpoints", endpointId, "stats"), ("since", since)))).Failed(out var stats, out missing))
        {
            return page.Failed(missing);
        }
        path = PageApi.Query(path, ("limit", "25"), ("cursor", page.Asked("cursor")), ("status", page.Asked("status")));
        return (await page.Api.Get<Page<AttemptResource>>(path)).Failed(out var attempts, out var problem) ? page.Failed(problem)
            : PageResult.Of<EndpointPage>(page, new { found.App, found.Endpoint, Stats = stats, Window = window, Last = last, Attempts = attempts, Types = await Types(page, appId) });
    }

    private static async Task<IResult> Settings(string appId, string endpointId, DashboardContext page) => await FormPage(page, appId, endpointId, null, StatusCodes.Status200OK);

    private static async Task<IResult> Save(string appId, string endpointId, HttpContext http, DashboardContext page)
    {
        if ((await Load(page, appId, endpointId)).Failed(out var found, out var missing))
        {
            return page.Failed(missing);
        }
        var old = found.Endpoint;
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        if (EndpointForm.Body(form, old, errors) is not { } body)
        {
            return await FormPage(page, appId, endpointId, form.With(errors), StatusCodes.Status400BadRequest);
        }
        if (form.Text("url") == old.Url)
        {
            // One that is not changed is not judged again.
            body.Remove("url");
        }
        var answer = await page.Api.Patch(PageApi.Path("apps", appId, "endpoints", endpointId), body);
        return answer.IsGood
            ? new SeeOtherResult(page.EndpointUrl(appId, endpointId) + "/settings?said=saved")
            : await FormPage(page, appId, endpointId, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> FormPage(DashboardContext page, string appId, string? endpointId, FormState? form, int status)
    {
        if (endpointId is null)
        {
            return (await App(page, appId)).Failed(out var app, out var missing) ? page.Failed(missing)
                : PageResult.Of<NewEndpointPage>(page, new { App = app, Types = await Types(page, appId), Form = form }, status);
        }
        return (await Load(page, appId, endpointId)).Failed(out var found, out var problem) ? page.Failed(problem)
            : PageResult.Of<EndpointSettingsPage>(page, new { found.App, found.Endpoint, Types = await Types(page, appId), Form = form }, status);
    }

    private static async Task<IResult> Secret(string appId, string endpointId, DashboardContext page) => await SecretPage(page, appId, endpointId, null, null);

    /// <summary>By a form, so that no one looks at a secret by following a link.</summary>
    private static async Task<IResult> Reveal(string appId, string endpointId, DashboardContext page)
    {
        var answer = await page.Api.Get<EndpointSecret>(PageApi.Path("apps", appId, "endpoints", endpointId, "secret"));
        return answer.Failed(out var secret, out var problem) ? page.Failed(problem) : await SecretPage(page, appId, endpointId, secret, null);
    }

    private static async Task<IResult> Rotate(string appId, string endpointId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post(
            PageApi.Path("apps", appId, "endpoints", endpointId, "rotate-secret"), new { secret = form.Text("secret"), gracePeriodSeconds = form.Number("gracePeriodSeconds") });
        if (!answer.IsGood)
        {
            return await SecretPage(page, appId, endpointId, null, form.With(answer.Problem));
        }
        return await Reveal(appId, endpointId, page with { Query = "?said=rotated" });
    }

    private static async Task<IResult> SecretPage(DashboardContext page, string appId, string endpointId, EndpointSecret? secret, FormState? form) =>
        (await Load(page, appId, endpointId)).Failed(out var found, out var problem) ? page.Failed(problem)
        : PageResult.Of<EndpointSecretPage>(page, new { found.App, found.Endpoint, Secret = secret, Form = form }, form?.Problem?.Status ?? StatusCodes.Status200OK);

    private static async Task<IResult> Test(string appId, string endpointId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post(PageApi.Path("apps", appId, "endpoints", endpointId, "test"), new { type = form.Text("type") });
        return answer.IsGood
            ? new SeeOtherResult(page.MessageUrl(appId, answer.Read<MessageResource>().MessageId) + "?said=tested")
            : page.Failed(answer.Problem!);
    }

    /// <summary>Delivers again what it did not get in the last hours, or since a time: a run that is watched, left and found again on its own page.</summary>
    private static async Task<IResult> Replay(string appId, string endpointId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var hours = form.Number("hours") is > 0 and <= 24 * 400 and var asked ? asked : 24;
        var types = form.Text("types")?.Split([',', ' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
        var since = Words.FromInput(form.Text("since")) ?? Times.Format(page.Now.AddHours(-hours));
        var answer = await page.Api.Post(PageApi.Path("apps", appId, "endpoints", endpointId, "replay"), new { since, status = form.Text("status"), types });
        return answer.IsGood ? new SeeOtherResult($"{page.Base}/replays/{answer.Json.GetProperty("replayId").GetString()}?said=replay-begun") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Change(string appId, string endpointId, string change, DashboardContext page)
    {
        var (body, said) = change switch
        {
            "pause" => (new JsonObject { ["paused"] = true }, "paused"),
            "resume" => (new JsonObject { ["paused"] = false }, "resumed"),
            "enable" => (new JsonObject { ["enabled"] = true }, "enabled"),
            _ => (new JsonObject { ["enabled"] = false }, "disabled"),
        };
        var answer = await page.Api.Patch(PageApi.Path("apps", appId, "endpoints", endpointId), body);
        return answer.IsGood ? new SeeOtherResult($"{page.EndpointUrl(appId, endpointId)}?said={said}") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Delete(string appId, string endpointId, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("apps", appId, "endpoints", endpointId));
        return answer.IsGood ? new SeeOtherResult(page.AppUrl(appId, "endpoints") + "?said=deleted") : page.Failed(answer.Problem!);
    }

    private static Task<ApiResult<AppResource>> App(DashboardContext page, string appId) => page.Api.Get<AppResource>(PageApi.Path("apps", appId));

    private static async Task<IReadOnlyList<EventTypeResource>> Types(DashboardContext page, string appId) =>
        (await page.Api.Get<Page<EventTypeResource>>(PageApi.Query(PageApi.Path("apps", appId, "event-types"), ("limit", "250")))).Value?.Data ?? [];

    private static async Task<ApiResult<EndpointInApp>> Load(DashboardContext page, string appId, string endpointId) =>
        (await App(page, appId)).Failed(out var app, out var problem)
        || (await page.Api.Get<EndpointResource>(PageApi.Path("apps", appId, "endpoints", endpointId))).Failed(out var endpoint, out problem)
            ? new ApiResult<EndpointInApp>(null, problem)
            : new ApiResult<EndpointInApp>(new EndpointInApp(app, endpoint), null);

    private sealed record EndpointInApp(AppResource App, EndpointResource Endpoint);
}
