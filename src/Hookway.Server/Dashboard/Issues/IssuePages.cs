using Hookway.Api;
using Hookway.Issues;
using Hookway.Ui;

namespace Hookway.Dashboard.Issues;

/// <summary>Issues: what a person should look at, with what to do, and what became of it.</summary>
public static class IssuePages
{
    private const string Issues = "/w/{workspaceId}/issues";

    public static void MapIssuePages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Issues, List);
        routes.MapPost(Issues, MoveSome);
        routes.MapGet(Issues + "/{issueId}", Show);
        routes.MapPost(Issues + "/{issueId}/{verb:regex(^(resolve|acknowledge|ignore)$)}", Move);
    }

    private static async Task<IResult> List(DashboardContext page)
    {
        var (issues, problem) = await page.Api.Get<Page<IssueResource>>(PageApi.Query(
            "/api/v1/ingest/issues", ("limit", "50"), ("cursor", page.Asked("cursor")), ("status", page.Asked("status")), ("kind", page.Asked("kind")), ("q", page.Asked("q")?.Trim()),
            ("sourceId", page.Asked("sourceId")), ("appId", page.Asked("appId")), ("endpointId", page.Asked("endpointId"))));
        return PageResult.Of<IssueList>(page, new { Issues = issues ?? new Page<IssueResource>([], null), Problem = problem }, problem?.Status ?? StatusCodes.Status200OK);
    }

    private static async Task<IResult> Show(string issueId, DashboardContext page) =>
        (await page.Api.Get<IssueResource>(PageApi.Path("ingest", "issues", issueId))).Failed(out var issue, out var problem)
            ? page.Failed(problem) : PageResult.Of<IssuePage>(page, new { Issue = issue });

    private static async Task<IResult> Move(string issueId, string verb, DashboardContext page)
    {
        var answer = await page.Api.Post(PageApi.Path("ingest", "issues", verb), new { issueIds = new[] { issueId } });
        return answer.IsGood ? new SeeOtherResult($"{page.Base}/issues/{Uri.EscapeDataString(issueId)}?said=issue-{verb}") : page.Failed(answer.Problem!);
    }

    /// <summary>Several of the list at once.</summary>
    private static async Task<IResult> MoveSome(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var verb = form.Text("verb") is "resolve" or "acknowledge" or "ignore" ? form.Text("verb")! : "acknowledge";
        var answer = await page.Api.Post(PageApi.Path("ingest", "issues", verb), new { issueIds = form.All("issue") });
        return answer.IsGood ? new SeeOtherResult($"{page.Base}/issues?said=issue-{verb}") : page.Failed(answer.Problem!);
    }
}
