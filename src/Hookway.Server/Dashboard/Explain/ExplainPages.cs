using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Explain;
using Hookway.Ui;

namespace Hookway.Dashboard.Explain;

/// <summary>Why a recipient did or did not get something, answered by looking; also for a recipient that nobody knows.</summary>
public static class ExplainPages
{
    public static void MapExplainPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/w/{workspaceId}/explain", LeadOn);
        routes.MapGet("/w/{workspaceId}/apps/{appId}/explain", Show);
    }

    /// <summary>From the overview's question to the page of the app that was chosen in it.</summary>
    private static SeeOtherResult LeadOn(DashboardContext page) => new(page.Asked("appId") is not { } appId ? page.Base + "/apps"
        : PageApi.Query(page.AppUrl(appId, "explain"), ("recipient", page.Asked("recipient")?.Trim()), ("type", page.Asked("type")?.Trim())));

    private static async Task<IResult> Show(string appId, DashboardContext page)
    {
        if ((await page.Api.Get<AppResource>(PageApi.Path("apps", appId))).Failed(out var app, out var missing))
        {
            return page.Failed(missing);
        }
        var types = (await page.Api.Get<Page<EventTypeResource>>(PageApi.Query(PageApi.Path("apps", appId, "event-types"), ("limit", "250")))).Value?.Data ?? [];
        var (explanation, problem) = page.Asked("recipient")?.Trim() is { Length: > 0 } recipient
            ? await page.Api.Get<Explanation>(PageApi.Query(
                PageApi.Path("apps", appId, "recipients", recipient, "explain"), ("type", page.Asked("type")), ("messageId", page.Asked("messageId")),
                ("since", Words.FromInput(page.Asked("since")))))
            : new ApiResult<Explanation>(null, null);
        return PageResult.Of<ExplainPage>(page, new { App = app, Types = types, Explanation = explanation, Problem = problem }, problem?.Status ?? StatusCodes.Status200OK);
    }
}
