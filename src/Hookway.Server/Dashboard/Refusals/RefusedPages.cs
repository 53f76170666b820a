using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Refusals;
using Hookway.Ui;

namespace Hookway.Dashboard.Refusals;

/// <summary>The sends that an app refused, with why.</summary>
public static class RefusedPages
{
    public static void MapRefusedPages(this IEndpointRouteBuilder routes) => routes.MapGet("/w/{workspaceId}/apps/{appId}/refused", List);

    private static async Task<IResult> List(string appId, DashboardContext page)
    {
        if ((await page.Api.Get<AppResource>(PageApi.Path("apps", appId))).Failed(out var app, out var missing))
        {
            return page.Failed(missing);
        }
        var (refused, problem) = await page.Api.Get<RefusedMessages>(PageApi.Query(
            PageApi.Path("apps", appId, "refused-messages"), ("limit", "50"), ("cursor", page.Asked("cursor")), ("recipient", page.Asked("recipient")), ("type", page.Asked("type")),
            ("since", Words.FromInput(page.Asked("since")))));
        return PageResult.Of<RefusedList>(page, new { App = app, Refused = refused, Problem = problem }, problem?.Status ?? StatusCodes.Status200OK);
    }
}
