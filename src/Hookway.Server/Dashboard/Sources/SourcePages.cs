using Hookway.Api;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Issues;
using Hookway.Ui;

namespace Hookway.Dashboard.Sources;

/// <summary>Sources: the vendors to choose from, one source with its set-up, its volume and its latest events, and its settings.</summary>
public static class SourcePages
{
    private const string Sources = "/w/{workspaceId}/ingest/sources";
    private const string One = Sources + "/{sourceId}";

    public static void MapSourcePages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Sources, List);
        routes.MapGet(Sources + "/new", New);
        routes.MapPost(Sources, Create);
        routes.MapGet(One, Show);
        routes.MapGet(One + "/refused", Refused);
        routes.MapGet(One + "/settings", Settings);
        routes.MapPost(One + "/settings", Save);
        routes.MapPost(One + "/expectations", SaveExpectations);
        routes.MapPost(One + "/rotate", Rotate);
        routes.MapPost(One + "/{change:regex(^(enable|disable)$)}", Switch);
        routes.MapPost(One + "/archive", Archive);
    }

    private static async Task<IResult> List(DashboardContext page)
    {
        var path = PageApi.Query("/api/v1/ingest/sources", ("limit", "50"), ("cursor", page.Asked("cursor")), ("includeArchived", page.Asked("archived") is null ? null : "true"));
        return (await page.Api.Get<Page<SourceResource>>(path)).Failed(out var sources, out var problem)
            ? page.Failed(problem)
            : PageResult.Of<SourceList>(page, new { Sources = sources, Vendors = await Vendors(page) });
    }

    private static async Task<IResult> New(DashboardContext page)
    {
        var vendors = await Vendors(page);
        return page.Asked("vendor") is { } key && vendors.Any(vendor => vendor.Vendor == key)
            ? PageResult.Of<NewSourcePage>(page, new { Vendor = vendors.First(vendor => vendor.Vendor == key), Form = (FormState?)null })
            : PageResult.Of<VendorTiles>(page, new { Vendors = vendors });
    }

    private static async Task<IResult> Create(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var vendors = await Vendors(page);
        var body = SourceForm.Body(form, isNew: true, form.Text("vendor"));
        var answer = await page.Api.Post("/api/v1/ingest/sources", body);
        return answer.IsGood
            ? new SeeOtherResult(page.SourceUrl(answer.Json.GetProperty("sourceId").GetString()!) + "?said=source-created")
            : vendors.FirstOrDefault(vendor => vendor.Vendor == form.Text("vendor")) is { } chosen
                ? PageResult.Of<NewSourcePage>(page, new { Vendor = chosen, Form = form.With(answer.Problem) }, answer.Status)
                : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Show(string sourceId, DashboardContext page, SourceVolume volume)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem)
            || (await page.Api.Get<Page<EventResource>>(PageApi.Query("/api/v1/ingest/events", ("sourceId", sourceId), ("limit", "10")))).Failed(out var events, out problem))
        {
            return page.Failed(problem);
        }
        var issues = (await page.Api.Get<Page<IssueResource>>(PageApi.Query("/api/v1/ingest/issues", ("sourceId", sourceId), ("status", "open"), ("limit", "5")))).Value?.Data ?? [];
        return PageResult.Of<SourcePage>(page, new
        {
            Source = source, Vendor = await VendorOf(page, source.Vendor), Events = events.Data, Issues = issues,
            Destinations = (await page.Api.Get<Page<DestinationResource>>(PageApi.Query("/api/v1/ingest/destinations", ("sourceId", sourceId), ("limit", "100")))).Value?.Data ?? [],
            Volume = await volume.LastDay(page.Membership!.Workspace.No, sourceId),
        });
    }

    private static async Task<IResult> Refused(string sourceId, DashboardContext page)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem)
            || (await page.Api.Get<Hookway.Ingest.Intake.RefusedRequestList>(PageApi.Query(
                PageApi.Path("ingest", "sources", sourceId, "refused-requests"), ("limit", "50"), ("cursor", page.Asked("cursor"))))).Failed(out var refused, out problem))
        {
            return page.Failed(problem);
        }
        return PageResult.Of<RefusedRequestsPage>(page, new { Source = source, Vendor = await VendorOf(page, source.Vendor), Refused = refused });
    }

    private static async Task<IResult> Settings(string sourceId, DashboardContext page) => await SettingsPage(page, sourceId, null);

    private static async Task<IResult> Save(string sourceId, HttpContext http, DashboardContext page)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem))
        {
            return page.Failed(problem);
        }
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Patch(PageApi.Path("ingest", "sources", sourceId), SourceForm.Body(form, isNew: false, source.Vendor));
        return answer.IsGood ? new SeeOtherResult(page.SourceUrl(sourceId) + "/settings?said=saved") : await SettingsPage(page, sourceId, form.With(answer.Problem));
    }

    private static async Task<IResult> SaveExpectations(string sourceId, HttpContext http, DashboardContext page)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem))
        {
            return page.Failed(problem);
        }
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Patch(PageApi.Path("ingest", "sources", sourceId), SourceForm.Expectations(form, await VendorOf(page, source.Vendor)));
        return answer.IsGood ? new SeeOtherResult(page.SourceUrl(sourceId) + "/settings?said=saved")
            : answer.Problem is { Status: StatusCodes.Status400BadRequest } wrong ? await SettingsPage(page, sourceId, null, form.With(wrong)) : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> SettingsPage(DashboardContext page, string sourceId, FormState? form, FormState? expected = null)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem))
        {
            return page.Failed(problem);
        }
        return PageResult.Of<SourceSettingsPage>(page, new
        {
            Source = source, Vendor = await VendorOf(page, source.Vendor), Form = form, Expected = expected,
        }, (form ?? expected)?.Problem?.Status ?? StatusCodes.Status200OK);
    }

    private static async Task<IResult> Rotate(string sourceId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        return Done(page, sourceId, await page.Api.Post(PageApi.Path("ingest", "sources", sourceId, "rotate-token"), new { gracePeriodSeconds = form.Number("gracePeriodSeconds") }), "token-rotated");
    }

    private static async Task<IResult> Switch(string sourceId, string change, DashboardContext page) =>
        Done(page, sourceId, await page.Api.Patch(PageApi.Path("ingest", "sources", sourceId), new { enabled = change == "enable" }), "source-" + change + "d");

    private static async Task<IResult> Archive(string sourceId, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("ingest", "sources", sourceId));
        return answer.IsGood ? new SeeOtherResult(page.Base + "/ingest/sources?said=archived") : page.Failed(answer.Problem!);
    }

    private static IResult Done(DashboardContext page, string sourceId, ApiAnswer answer, string said) =>
        answer.IsGood ? new SeeOtherResult($"{page.SourceUrl(sourceId)}?said={said}") : page.Failed(answer.Problem!);

    private static async Task<IReadOnlyList<VendorResource>> Vendors(DashboardContext page) => (await page.Api.Get<VendorList>("/api/v1/ingest/vendors")).Value?.Data ?? [];

    private static async Task<VendorResource?> VendorOf(DashboardContext page, string key) => (await Vendors(page)).FirstOrDefault(vendor => vendor.Vendor == key);
}
