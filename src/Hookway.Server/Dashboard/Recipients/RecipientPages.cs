using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;
using Hookway.Dispatch.Recipients;
using Hookway.Ui;

namespace Hookway.Dashboard.Recipients;

/// <summary>Recipients: the list, and one customer with everything that support is asked about.</summary>
public static class RecipientPages
{
    private const string Recipients = "/w/{workspaceId}/apps/{appId}/recipients";

    public static void MapRecipientPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Recipients, List);
        routes.MapPost(Recipients, Put);
        routes.MapGet(Recipients + "/{recipient}", Show);
        routes.MapPost(Recipients + "/{recipient}/delete", Delete);
        routes.MapPost(Recipients + "/{recipient}/portal", OpenPortal);
    }

    private static async Task<IResult> List(string appId, DashboardContext page) => await ListPage(appId, page, null, StatusCodes.Status200OK);

    private static async Task<IResult> ListPage(string appId, DashboardContext page, FormState? form, int status)
    {
        var path = PageApi.Query(PageApi.Path("apps", appId, "recipients"), ("limit", "50"), ("cursor", page.Asked("cursor")), ("q", page.Asked("q")));
        return (await page.Api.Get<AppResource>(PageApi.Path("apps", appId))).Failed(out var app, out var problem)
            || (await page.Api.Get<Page<RecipientResource>>(path)).Failed(out var recipients, out problem)
            ? page.Failed(problem)
            : PageResult.Of<RecipientList>(page, new { App = app, Recipients = recipients, Form = form }, status);
    }

    private static async Task<IResult> Put(string appId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        if (form.Text("recipient") is not { } recipient)
        {
            errors.Add("recipient", "is required");
            return await ListPage(appId, page, form.With(errors), StatusCodes.Status400BadRequest);
        }
        var answer = await page.Api.Put(PageApi.Path("apps", appId, "recipients", recipient), new { name = form.Text("name") });
        return answer.IsGood
            ? new SeeOtherResult(page.RecipientUrl(appId, recipient) + "?said=saved")
            : await ListPage(appId, page, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> Show(string appId, string recipient, DashboardContext page)
    {
        if ((await page.Api.Get<AppResource>(PageApi.Path("apps", appId))).Failed(out var app, out var missing))
        {
            return page.Failed(missing);
        }
        // One that is deleted has no record any more, and a history all the same.
        var known = await page.Api.Get<RecipientResource>(PageApi.Path("apps", appId, "recipients", recipient));
        var messages = await page.Api.Get<Page<MessageResource>>(PageApi.Query(PageApi.Path("apps", appId, "messages"), ("recipient", recipient), ("limit", "20")));
        if (known.Value is null && messages.Value is not { Data.Count: > 0 })
        {
            return page.Failed(known.Problem!);
        }
        var endpoints = known.Value is null ? null
            : (await page.Api.Get<Page<EndpointResource>>(PageApi.Query(PageApi.Path("apps", appId, "endpoints"), ("recipient", recipient), ("limit", "100")))).Value?.Data;
        return PageResult.Of<RecipientPage>(page, new
        {
            App = app, Id = recipient, Recipient = known.Value, Endpoints = endpoints ?? [], Health = await EndpointHealth.Read(page.Api, endpoints ?? []), Messages = messages.Value?.Data ?? [],
        });
    }

    /// <summary>Opens a portal session for support to see what the customer sees; it is in the audit log under the member's name.</summary>
    private static async Task<IResult> OpenPortal(string appId, string recipient, DashboardContext page)
    {
        var answer = await page.Api.Post(PageApi.Path("apps", appId, "portal-sessions"), new { recipient, returnUrl = page.PublicUrl + page.RecipientUrl(appId, recipient) });
        return answer.IsGood ? new SeeOtherResult(new Uri(answer.Json.GetProperty("url").GetString()!).PathAndQuery) : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Delete(string appId, string recipient, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Delete(PageApi.Query(PageApi.Path("apps", appId, "recipients", recipient), ("purge", form.Has("purge") ? "true" : null)));
        return answer.IsGood ? new SeeOtherResult(page.AppUrl(appId, "recipients") + "?said=deleted") : page.Failed(answer.Problem!);
    }
}
