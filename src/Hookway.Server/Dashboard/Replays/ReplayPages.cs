using Hookway.Api;
using Hookway.Replays;
using Hookway.Ui;

namespace Hookway.Dashboard.Replays;

/// <summary>Replays: what was asked for again, and how far it has come.</summary>
public static class ReplayPages
{
    public static void MapReplayPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/w/{workspaceId}/replays", List);
        routes.MapGet("/w/{workspaceId}/replays/{replayId}", Show);
        routes.MapPost("/w/{workspaceId}/replays/{replayId}/cancel", Cancel);
    }

    private static async Task<IResult> List(DashboardContext page)
    {
        var (replays, problem) = await page.Api.Get<Page<ReplayResource>>(PageApi.Query("/api/v1/replays", ("limit", "50"), ("cursor", page.Asked("cursor")), ("kind", page.Asked("kind")), ("status", page.Asked("status"))));
        return replays is null ? page.Failed(problem!) : PageResult.Of<ReplayList>(page, new { Replays = replays });
    }

    private static async Task<IResult> Show(string replayId, DashboardContext page)
    {
        var (replay, problem) = await page.Api.Get<ReplayResource>(PageApi.Path("replays", replayId));
        return replay is null ? page.Failed(problem!) : PageResult.Of<ReplayPage>(page, new { Replay = replay });
    }

    private static async Task<IResult> Cancel(string replayId, DashboardContext page)
    {
        var answer = await page.Api.Post(PageApi.Path("replays", replayId, "cancel"));
        return answer.IsGood ? new SeeOtherResult($"{page.Base}/replays/{Uri.EscapeDataString(replayId)}?said=replay-canceled") : page.Failed(answer.Problem!);
    }
}
