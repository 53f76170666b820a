using System.Globalization;
using Hookway.Api;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ui;

namespace Hookway.Dashboard.Ledger;

/// <summary>The ledger: every event, with its filters and live tail, and one event with what was compared, what it carried, and what else happened to the same thing.</summary>
public static class EventPages
{
    private const string Events = "/w/{workspaceId}/ingest/events";
    private const int MostOfEntity = 40;

    public static void MapEventPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Events, List);
        routes.MapGet(Events + "/live", Live);
        routes.MapGet(Events + "/{eventId}", Show);
        routes.MapGet(Events + "/{eventId}/body", Body);
        routes.MapPost(Events + "/{eventId}/verify", Verify);
    }

    private static async Task<IResult> List(DashboardContext page)
    {
        var (events, problem) = await page.Api.Get<Page<EventResource>>(ListPath(page, "50", page.Asked("cursor")));
        return PageResult.Of<EventList>(
            page, new { Events = events ?? new Page<EventResource>([], null), Sources = await Sources(page), Problem = problem }, problem?.Status ?? StatusCodes.Status200OK);
    }

    /// <summary>The list's own filters, as the API takes them.</summary>
    private static string ListPath(DashboardContext page, string limit, string? cursor) => PageApi.Query(
        "/api/v1/ingest/events", ("limit", limit), ("cursor", cursor), ("sourceId", page.Asked("sourceId")), ("type", page.Asked("type")?.Trim()),
        ("entityKey", page.Asked("entityKey")?.Trim()), ("signatureStatus", page.Asked("signatureStatus")), ("status", page.Asked("status")),
        ("since", Words.FromInput(page.Asked("since"))), ("until", Words.FromInput(page.Asked("until"))), ("q", page.Asked("q")?.Trim()));

    /// <summary>Sends rows as they come and change, until the browser leaves.</summary>
    private static async Task Live(HttpContext http, DashboardContext page, TimeProvider clock, IHostApplicationLifetime lifetime)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        var sources = await Sources(page);
        await LiveTail.Run(http, clock, async seen =>
        {
            var (events, _) = await page.Api.Get<Page<EventResource>>(ListPath(page, "25", null));
            var now = page with { Now = clock.GetUtcNow() };
            var rows = new List<(string Key, string State, Func<Task<string>> Html)>();
            foreach (var found in events?.Data ?? [])
            {
                rows.Add((found.EventId, StateOf(found), () => PageResult.RenderPart<EventRow>(http, now, new { Event = found, SourceName = NameOf(sources, found.SourceId), Fresh = !seen.ContainsKey(found.EventId) })));
            }
            return rows;
        }, over.Token);
    }

    private static string StateOf(EventResource found) => $"{found.Status}|{found.SignatureStatus}" + string.Concat(found.Deliveries.Select(delivery => $"|{delivery.Status}{delivery.AttemptCount}"));

    internal static string NameOf(IReadOnlyList<SourceResource> sources, string sourceId) => sources.FirstOrDefault(source => source.SourceId == sourceId)?.Name ?? sourceId;

    private static async Task<IResult> Show(string eventId, DashboardContext page) => await EventPage(page, eventId, null);

    private static async Task<IResult> EventPage(DashboardContext page, string eventId, EventVerification? check)
    {
        if ((await page.Api.Get<EventResource>(PageApi.Path("ingest", "events", eventId))).Failed(out var found, out var problem)
            || (await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", found.SourceId))).Failed(out var source, out problem))
        {
            return page.Failed(problem);
        }
        var same = found.EntityKey is not { } entity ? []
            : (await page.Api.Get<Page<EventResource>>(PageApi.Query(
                "/api/v1/ingest/events", ("sourceId", found.SourceId), ("entityKey", entity), ("limit", MostOfEntity.ToString(CultureInfo.InvariantCulture))))).Value?.Data ?? [];
        return PageResult.Of<EventPage>(page, new { Event = found, Source = source, Same = same, Check = check });
    }

    /// <summary>The bytes as they came, to be saved: nothing that a vendor sent is shown by the browser as a page of ours.</summary>
    private static async Task<IResult> Body(string eventId, HttpContext http, DashboardContext page)
    {
        var answer = await page.Api.Send(HttpMethod.Get, PageApi.Path("ingest", "events", eventId, "body"));
        if (answer.Problem is { } problem)
        {
            return page.Failed(problem);
        }
        PageHeaders.Set(http.Response, mayBeFramed: false);
        return TypedResults.File(answer.Body, "application/octet-stream", $"{eventId}.bin");
    }

    private static async Task<IResult> Verify(string eventId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post(PageApi.Path("ingest", "events", eventId, "verify"), new { release = form.Has("release") });
        return answer.IsGood ? await EventPage(page, eventId, answer.Read<EventVerification>()) : page.Failed(answer.Problem!);
    }

    private static async Task<IReadOnlyList<SourceResource>> Sources(DashboardContext page) =>
        (await page.Api.Get<Page<SourceResource>>("/api/v1/ingest/sources?limit=250&includeArchived=true")).Value?.Data ?? [];
}
