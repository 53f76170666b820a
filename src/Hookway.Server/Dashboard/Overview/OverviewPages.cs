using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Messages;
using Hookway.Replays;
using Hookway.Ui;

namespace Hookway.Dashboard.Overview;

/// <summary>The first page of a workspace.</summary>
public static class OverviewPages
{
    private const int MostAppsShown = 4;

    public static void MapOverview(this IEndpointRouteBuilder routes) => routes.MapGet("/w/{workspaceId}", Show);

    private static async Task<IResult> Show(DashboardContext page, OverviewReader reader)
    {
        if ((await page.Api.Get<Page<AppResource>>("/api/v1/apps?limit=50")).Failed(out var apps, out var problem))
        {
            return page.Failed(problem);
        }
        var messages = new List<(AppResource App, MessageResource Message)>();
        foreach (var app in apps.Data.Take(MostAppsShown))
        {
            var found = await page.Api.Get<Page<MessageResource>>(PageApi.Path("apps", app.AppId, "messages") + "?limit=8");
            messages.AddRange(found.Value?.Data.Select(message => (app, message)) ?? []);
        }
        var replays = (await page.Api.Get<Page<ReplayResource>>("/api/v1/replays?limit=20")).Value?.Data ?? [];
        return PageResult.Of<OverviewPage>(page, new
        {
            Data = await reader.Read(page.Membership!.Workspace.No), Apps = apps.Data,
            Messages = messages.OrderByDescending(item => item.Message.CreatedAt).Take(8).ToList(),
            Replays = replays.Where(replay => replay.FinishedAt is null).ToList(),
        });
    }
}
