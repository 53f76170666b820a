using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.Messages;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
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

    private static async Task<IResult> Show(string issueId, DashboardContext page)
    {
        if ((await page.Api.Get<IssueResource>(PageApi.Path("ingest", "issues", issueId))).Failed(out var issue, out var problem))
        {
            return page.Failed(problem);
        }
        var events = await Found<EventResource>(page, issue.EventIds.Select(id => PageApi.Path("ingest", "events", id)));
        var messages = issue.AppId is { } app ? await Found<MessageResource>(page, issue.MessageIds.Select(id => PageApi.Path("apps", app, "messages", id))) : [];
        return PageResult.Of<IssuePage>(page, new
        {
            Issue = issue, Events = events, Messages = messages,
            Source = issue.SourceId is { } sourceId ? (await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Value : null,
            Destination = issue.DestinationId is { } destinationId ? (await page.Api.Get<DestinationResource>(PageApi.Path("ingest", "destinations", destinationId))).Value : null,
            App = issue.AppId is { } appId ? (await page.Api.Get<AppResource>(PageApi.Path("apps", appId))).Value : null,
            Endpoint = issue is { AppId: { } ofApp, EndpointId: { } endpointId } ? (await page.Api.Get<EndpointResource>(PageApi.Path("apps", ofApp, "endpoints", endpointId))).Value : null,
        });
    }

    /// <summary>Those that are still kept, the last first.</summary>
    private static async Task<List<T>> Found<T>(DashboardContext page, IEnumerable<string> paths) where T : class
    {
        var found = new List<T>();
        foreach (var path in paths.Reverse())
        {
            if ((await page.Api.Get<T>(path)).Value is { } one)
            {
                found.Add(one);
            }
        }
        return found;
    }

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
