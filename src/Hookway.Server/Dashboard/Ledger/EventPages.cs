using System.Globalization;
using Hookway.Api;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ui;

namespace Hookway.Dashboard.Ledger;

/// <summary>The ledger: every event, with its filters and live tail, and one event with what was compared, what it carried, and what else happened to the same thing.</summary>
public static class EventPages
{
    private const string Events = "/w/{workspaceId}/ingest/events";
    private const int MostOfEntity = 40;
    private const int MostChosen = 50;
    private const string MostAttempts = "100";

    public static void MapEventPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Events, List);
        routes.MapGet(Events + "/live", Live);
        routes.MapGet(Events + "/{eventId}", Show);
        routes.MapGet(Events + "/{eventId}/body", Body);
        routes.MapPost(Events + "/{eventId}/verify", Verify);
        routes.MapPost(Events + "/{eventId}/replay", Replay);
        routes.MapPost(Events, ReplayChosen);
        routes.MapPost(Events + "/count", Count);
        routes.MapPost(Events + "/replay", ReplayAll);
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
                rows.Add((found.EventId, StateOf(found), () => PageResult.RenderPart<EventRow>(http, now, new { Event = found, SourceName = NameOf(sources, found.SourceId), Choose = page.Asked("choose") is not null, Fresh = !seen.ContainsKey(found.EventId) })));
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
        var attempts = found.Deliveries.Count == 0 ? []
            : (await page.Api.Get<Page<EventAttemptResource>>(PageApi.Query("/api/v1/ingest/attempts", ("eventId", eventId), ("limit", MostAttempts)))).Value?.Data ?? [];
        return PageResult.Of<EventPage>(page, new
        {
            Event = found, Source = source, Same = same, Check = check, Attempts = attempts, Destinations = await Destinations(page, found.SourceId),
            Vendor = found.SignatureStatus != "verified" ? null : (await page.Api.Get<VendorList>("/api/v1/ingest/vendors")).Value?.Data.FirstOrDefault(vendor => vendor.Vendor == source.Vendor),
        });
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

    private static async Task<IResult> Replay(string eventId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        object body = form.Text("destinationId") is { } destinationId ? new { destinationId } : new { };
        var answer = await page.Api.Post(PageApi.Path("ingest", "events", eventId, "replay"), body);
        return answer.IsGood ? new SeeOtherResult(page.EventUrl(eventId) + "?said=replaying") : page.Failed(answer.Problem!);
    }

    /// <summary>Those that were chosen in the list, one after another; the first that cannot be replayed is told.</summary>
    private static async Task<IResult> ReplayChosen(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        foreach (var eventId in form.All("event").Take(MostChosen).DefaultIfEmpty("none"))
        {
            if ((await page.Api.Post(PageApi.Path("ingest", "events", eventId, "replay"))).Problem is { } problem)
            {
                return page.Failed(problem with { Detail = eventId == "none" ? "No event was chosen." : $"{eventId}: {problem.Detail}" });
            }
        }
        return new SeeOtherResult(page.Base + "/replays?said=replay-begun");
    }

    /// <summary>How many deliveries a filtered replay would match, before it is begun.</summary>
    private static async Task<IResult> Count(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post("/api/v1/ingest/replays", ReplayBody(form, dryRun: true));
        return PageResult.Of<ReplayEventsPage>(
            page, new { Count = answer.IsGood ? answer.Read<DryReplay>() : null, Form = form.With(answer.Problem), Sources = await Sources(page), Destinations = await Destinations(page, null) }, answer.IsGood ? StatusCodes.Status200OK : answer.Status);
    }

    private static async Task<IResult> ReplayAll(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post("/api/v1/ingest/replays", ReplayBody(form, dryRun: false));
        return answer.IsGood
            ? new SeeOtherResult($"{page.Base}/replays/{answer.Json.GetProperty("replayId").GetString()}?said=replay-begun")
            : PageResult.Of<ReplayEventsPage>(page, new { Count = (DryReplay?)null, Form = form.With(answer.Problem), Sources = await Sources(page), Destinations = await Destinations(page, null) }, answer.Status);
    }

    private static object ReplayBody(FormState form, bool dryRun) => new
    {
        sourceId = form.Text("sourceId"), destinationId = form.Text("destinationId"), q = form.Text("q"), type = form.Text("type"), status = form.Text("status"), since = Words.FromInput(form.Text("since")), until = Words.FromInput(form.Text("until")), dryRun,
    };

    private static async Task<IReadOnlyList<DestinationResource>> Destinations(DashboardContext page, string? sourceId) =>
        (await page.Api.Get<Page<DestinationResource>>(PageApi.Query("/api/v1/ingest/destinations", ("sourceId", sourceId), ("limit", "250")))).Value?.Data ?? [];

    private static async Task<IReadOnlyList<SourceResource>> Sources(DashboardContext page) =>
        (await page.Api.Get<Page<SourceResource>>("/api/v1/ingest/sources?limit=250&includeArchived=true")).Value?.Data ?? [];
}
