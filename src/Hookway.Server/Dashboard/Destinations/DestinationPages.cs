using System.Text.Json.Nodes;
using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Ingest.Destinations;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ui;

namespace Hookway.Dashboard.Destinations;

/// <summary>Destinations: where a source's events go, what of them and in which form, with a preview on a real event; and what their attempts came to.</summary>
public static class DestinationPages
{
    private const string OfSource = "/w/{workspaceId}/ingest/sources/{sourceId}/destinations";
    private const string One = "/w/{workspaceId}/ingest/destinations/{destinationId}";

    public static void MapDestinationPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(OfSource + "/new", New);
        routes.MapPost(OfSource, Create);
        routes.MapPost(OfSource + "/preview", Preview);
        routes.MapGet(One, Show);
        routes.MapGet(One + "/settings", Settings);
        routes.MapPost(One + "/settings", Save);
        routes.MapPost(One + "/{change:regex(^(pause|resume|enable|disable)$)}", Change);
        routes.MapPost(One + "/delete", Delete);
    }

    private static async Task<IResult> New(string sourceId, DashboardContext page) => await FormPage(page, sourceId, null, null);

    private static async Task<IResult> Create(string sourceId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        var body = DestinationForm.Body(form, null, errors);
        if (errors.Any)
        {
            return await FormPage(page, sourceId, null, form.With(errors));
        }
        body["sourceId"] = sourceId;
        var answer = await page.Api.Post("/api/v1/ingest/destinations", body);
        return answer.IsGood
            ? new SeeOtherResult(page.DestinationUrl(answer.Json.GetProperty("destinationId").GetString()!) + "?said=created")
            : await FormPage(page, sourceId, null, form.With(answer.Problem));
    }

    /// <summary>What the form's transformation makes of the newest genuine event of the source; nothing is kept. It is a part of the form, and for those who may save it.</summary>
    private static async Task<IResult> Preview(string sourceId, HttpContext http, DashboardContext page)
    {
        if (!page.May(Scopes.IngestWrite))
        {
            return page.Failed(Problem.Of(StatusCodes.Status403Forbidden, "missing_scope", $"This needs the scope {Scopes.IngestWrite}, which your role does not have."));
        }
        var form = await FormState.Read(http.Request);
        var events = await page.Api.Get<Page<EventResource>>(PageApi.Query(
            "/api/v1/ingest/events", ("sourceId", sourceId), ("type", form.Text("previewType")), ("limit", "10")));
        // The newest that the form's filter wants; where it wants none of the last, the newest, which says so.
        EventResource? full = null;
        foreach (var genuine in events.Value?.Data.Where(found => found.SignatureStatus != "failed").Reverse() ?? [])
        {
            if ((await page.Api.Get<EventResource>(PageApi.Path("ingest", "events", genuine.EventId))).Value is { } read && (TransformPreview.Wants(form, read) || full is null || !TransformPreview.Wants(form, full)))
            {
                full = read;
            }
        }
        DestinationResource? known = null;
        if (form.Text("destinationId") is { } id && (await page.Api.Get<DestinationResource>(PageApi.Path("ingest", "destinations", id))).Failed(out known, out var problem))
        {
            return page.Failed(problem);
        }
        return await FormPage(page, sourceId, known, form, TransformPreview.Of(full, form.Text("transformBodyPath"), form.Text("transformExpression")) with { IsWanted = full is null || TransformPreview.Wants(form, full) });
    }

    private static async Task<IResult> Show(string destinationId, DashboardContext page)
    {
        var path = PageApi.Query("/api/v1/ingest/attempts", ("destinationId", destinationId), ("limit", "25"), ("cursor", page.Asked("cursor")), ("status", page.Asked("status")));
        if ((await page.Api.Get<DestinationResource>(PageApi.Path("ingest", "destinations", destinationId))).Failed(out var destination, out var problem)
            || (await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", destination.SourceId))).Failed(out var source, out problem)
            || (await page.Api.Get<Page<EventAttemptResource>>(path)).Failed(out var attempts, out problem))
        {
            return page.Failed(problem);
        }
        var last = (await page.Api.Get<Page<EventAttemptResource>>(PageApi.Query("/api/v1/ingest/attempts", ("destinationId", destinationId), ("limit", "80")))).Value?.Data ?? [];
        return PageResult.Of<DestinationPage>(page, new { Destination = destination, Source = source, Attempts = attempts, Last = last });
    }

    private static async Task<IResult> Settings(string destinationId, DashboardContext page) =>
        (await page.Api.Get<DestinationResource>(PageApi.Path("ingest", "destinations", destinationId))).Failed(out var destination, out var problem)
            ? page.Failed(problem) : await FormPage(page, destination.SourceId, destination, null);

    private static async Task<IResult> Save(string destinationId, HttpContext http, DashboardContext page)
    {
        if ((await page.Api.Get<DestinationResource>(PageApi.Path("ingest", "destinations", destinationId))).Failed(out var destination, out var problem))
        {
            return page.Failed(problem);
        }
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        var body = DestinationForm.Body(form, destination, errors);
        if (errors.Any)
        {
            return await FormPage(page, destination.SourceId, destination, form.With(errors));
        }
        var answer = await page.Api.Patch(PageApi.Path("ingest", "destinations", destinationId), body);
        return answer.IsGood ? new SeeOtherResult(page.DestinationUrl(destinationId) + "?said=saved") : await FormPage(page, destination.SourceId, destination, form.With(answer.Problem));
    }

    private static async Task<IResult> FormPage(DashboardContext page, string sourceId, DestinationResource? destination, FormState? form, TransformPreview? preview = null)
    {
        if ((await page.Api.Get<SourceResource>(PageApi.Path("ingest", "sources", sourceId))).Failed(out var source, out var problem))
        {
            return page.Failed(problem);
        }
        var apps = (await page.Api.Get<Page<AppResource>>("/api/v1/apps?limit=250")).Value?.Data ?? [];
        return PageResult.Of<DestinationFormPage>(
            page, new { Source = source, Destination = destination, Apps = apps, Form = form, Preview = preview }, form?.Problem?.Status ?? StatusCodes.Status200OK);
    }

    private static async Task<IResult> Change(string destinationId, string change, DashboardContext page)
    {
        var (body, said) = change switch
        {
            "pause" => (new JsonObject { ["paused"] = true }, "paused"),
            "resume" => (new JsonObject { ["paused"] = false }, "resumed"),
            "enable" => (new JsonObject { ["enabled"] = true }, "destination-enabled"),
            _ => (new JsonObject { ["enabled"] = false }, "disabled"),
        };
        var answer = await page.Api.Patch(PageApi.Path("ingest", "destinations", destinationId), body);
        return answer.IsGood ? new SeeOtherResult($"{page.DestinationUrl(destinationId)}?said={said}") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Delete(string destinationId, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("ingest", "destinations", destinationId));
        return answer.IsGood ? new SeeOtherResult(page.SourceUrl(answer.Read<DestinationResource>().SourceId) + "?said=deleted") : page.Failed(answer.Problem!);
    }
}
