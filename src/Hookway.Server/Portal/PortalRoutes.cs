using System.Text.Json.Nodes;
using Hookway.Access;
using Hookway.Api;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Endpoints;
using Hookway.Dispatch.EventTypes;
using Hookway.Dispatch.Messages;
using Hookway.Ui;

namespace Hookway.Portal;

/// <summary>The pages that a customer's developer sees: their endpoints, what was sent to them, and the catalog. The API decides what the token may do.</summary>
public static class PortalRoutes
{
    public static void MapPortal(this IEndpointRouteBuilder routes)
    {
        var portal = routes.MapGroup("/portal/{token}").ExcludeFromDescription().WithMetadata(new PortalPage());
        portal.MapGet("/", Start);
        portal.MapGet("/theme.css", Style);
        portal.MapGet("/endpoints", List);
        portal.MapGet("/endpoints/new", New);
        portal.MapPost("/endpoints", Create);
        portal.MapGet("/endpoints/{endpointId}", Show);
        portal.MapGet("/endpoints/{endpointId}/edit", Edit);
        portal.MapPost("/endpoints/{endpointId}/edit", Save);
        portal.MapPost("/endpoints/{endpointId}/{change:regex(^(enable|disable|pause|resume)$)}", Change);
        portal.MapPost("/endpoints/{endpointId}/delete", Delete);
        portal.MapPost("/endpoints/{endpointId}/test", Test);
        portal.MapGet("/endpoints/{endpointId}/secret", Secret);
        portal.MapPost("/endpoints/{endpointId}/secret/reveal", Reveal);
        portal.MapPost("/endpoints/{endpointId}/secret/rotate", Rotate);
        portal.MapPost("/endpoints/{endpointId}/recover", Recover);
        portal.MapGet("/messages", Messages);
        portal.MapGet("/messages/{messageId}", Message);
        portal.MapPost("/messages/{messageId}/resend", Resend);
        portal.MapGet("/catalog", Catalog);
        portal.MapGet("/{**rest}", (PortalContext page) => page.Failed(Problem.Of(StatusCodes.Status404NotFound, "not_found", "There is no such page in this portal.")));
    }

    /// <summary>The first page that the session may see.</summary>
    private static async Task<IResult> Start(PortalContext page) =>
        page.May(Capabilities.EndpointsRead) ? await List(page)
        : page.May(Capabilities.MessagesRead) ? await Messages(page)
        : page.Failed(Problem.Of(StatusCodes.Status403Forbidden, "missing_capability", "This link shows nothing."));

    private static IResult Style(PortalContext page, HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Text(PortalStyle.Of(page.Appearance.Theme), "text/css");
    }

    private static async Task<IResult> List(PortalContext page) =>
        (await page.Api.Get<Page<EndpointResource>>(PageApi.Query(page.Route("endpoints"), ("limit", "100"), ("cursor", page.Asked("cursor"))))).Failed(out var endpoints, out var problem)
            ? page.Failed(problem)
            : PageResult.Of<PortalEndpoints>(page, new { Endpoints = endpoints, Health = await EndpointHealth.Read(page.Api, page.May(Capabilities.MessagesRead) ? endpoints.Data : []) });

    private static async Task<IResult> New(PortalContext page) => await FormPage(page, null, null, StatusCodes.Status200OK);

    private static async Task<IResult> Create(HttpContext http, PortalContext page)
    {
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        if (EndpointForm.Body(form, null, errors) is not { } body)
        {
            return await FormPage(page, null, form.With(errors), StatusCodes.Status400BadRequest);
        }
        body["recipient"] = page.Recipient;
        var answer = await page.Api.Post(page.Route("endpoints"), body);
        return answer.IsGood
            ? new SeeOtherResult(page.Url("endpoints", answer.Json.GetProperty("endpointId").GetString()!) + "?said=created")
            : await FormPage(page, null, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> Show(string endpointId, PortalContext page)
    {
        if ((await Endpoint(page, endpointId)).Failed(out var endpoint, out var problem))
        {
            return page.Failed(problem);
        }
        var window = StatWindow.Of(page.Asked("window"), page.Now - endpoint.CreatedAt);
        var since = Times.Format(page.Now - window.Length);
        if ((await page.Api.Get<TargetStats>(PageApi.Query(page.Route("endpoints", endpointId, "stats"), ("since", since)))).Failed(out var stats, out problem))
        {
            return page.Failed(problem);
        }
        var path = page.Route("endpoints", endpointId, "attempts");
        var attempts = page.May(Capabilities.MessagesRead)
            ? (await page.Api.Get<Page<AttemptResource>>(PageApi.Query(path, ("limit", "25"), ("cursor", page.Asked("cursor")), ("status", page.Asked("status"))))).Value : null;
        return PageResult.Of<PortalEndpoint>(page, new
        {
            Endpoint = endpoint, Attempts = attempts, Stats = stats, Window = window,
            Last = attempts is null ? [] : (await page.Api.Get<Page<AttemptResource>>(path + "?limit=80")).Value?.Data ?? [],
            Types = await Types(page),
        });
    }

    private static async Task<IResult> Edit(string endpointId, PortalContext page) => await FormPage(page, endpointId, null, StatusCodes.Status200OK);

    private static async Task<IResult> Save(string endpointId, HttpContext http, PortalContext page)
    {
        if ((await Endpoint(page, endpointId)).Failed(out var old, out var problem))
        {
            return page.Failed(problem);
        }
        var form = await FormState.Read(http.Request);
        var errors = new FieldErrors();
        if (EndpointForm.Body(form, old, errors) is not { } body)
        {
            return await FormPage(page, endpointId, form.With(errors), StatusCodes.Status400BadRequest);
        }
        if (form.Text("url") == old.Url)
        {
            // One that is not changed is not judged again.
            body.Remove("url");
        }
        var answer = await page.Api.Patch(page.Route("endpoints", endpointId), body);
        return answer.IsGood ? new SeeOtherResult(page.Url("endpoints", endpointId) + "?said=saved") : await FormPage(page, endpointId, form.With(answer.Problem), answer.Status);
    }

    private static async Task<IResult> FormPage(PortalContext page, string? endpointId, FormState? form, int status)
    {
        if (!page.May(Capabilities.EndpointsWrite))
        {
            return page.Failed(Problem.Of(StatusCodes.Status403Forbidden, "missing_capability", "This link shows endpoints, and does not change them."));
        }
        EndpointResource? endpoint = null;
        return endpointId is not null && (await Endpoint(page, endpointId)).Failed(out endpoint, out var problem)
            ? page.Failed(problem)
            : PageResult.Of<PortalEndpointForm>(page, new { Endpoint = endpoint, Types = await Types(page), Form = form }, status);
    }

    private static async Task<IResult> Change(string endpointId, string change, PortalContext page)
    {
        var body = change is "pause" or "resume" ? new JsonObject { ["paused"] = change == "pause" } : new JsonObject { ["enabled"] = change == "enable" };
        return Done(page, endpointId, await page.Api.Patch(page.Route("endpoints", endpointId), body), change.EndsWith('e') ? change + "d" : "resumed");
    }

    private static async Task<IResult> Delete(string endpointId, PortalContext page)
    {
        var answer = await page.Api.Delete(page.Route("endpoints", endpointId));
        return answer.IsGood ? new SeeOtherResult(page.Url("endpoints") + "?said=deleted") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Test(string endpointId, HttpContext http, PortalContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post(page.Route("endpoints", endpointId, "test"), new { type = form.Text("type") });
        return !answer.IsGood ? page.Failed(answer.Problem!)
            : new SeeOtherResult((page.May(Capabilities.MessagesRead) ? page.Url("messages", answer.Read<MessageResource>().MessageId) : page.Url("endpoints", endpointId)) + "?said=tested");
    }

    private static async Task<IResult> Secret(string endpointId, PortalContext page) => await SecretPage(page, endpointId, null, null);

    /// <summary>By a form, so that no one looks at a secret by following a link.</summary>
    private static async Task<IResult> Reveal(string endpointId, PortalContext page) =>
        (await page.Api.Get<EndpointSecret>(page.Route("endpoints", endpointId, "secret"))).Failed(out var secret, out var problem)
            ? page.Failed(problem) : await SecretPage(page, endpointId, secret, null);

    private static async Task<IResult> Rotate(string endpointId, HttpContext http, PortalContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post(page.Route("endpoints", endpointId, "rotate-secret"), new { secret = form.Text("secret"), gracePeriodSeconds = form.Number("gracePeriodSeconds") });
        return !answer.IsGood ? await SecretPage(page, endpointId, null, form.With(answer.Problem))
            : page.May(Capabilities.SecretsRead) ? await Reveal(endpointId, page with { Query = "?said=rotated" })
            : await SecretPage(page with { Query = "?said=rotated" }, endpointId, new EndpointSecret(answer.Json.GetProperty("secret").GetString()!, []), null);
    }

    private static async Task<IResult> SecretPage(PortalContext page, string endpointId, EndpointSecret? secret, FormState? form) =>
        (await Endpoint(page, endpointId)).Failed(out var endpoint, out var problem) ? page.Failed(problem)
        : !page.May(Capabilities.SecretsRead) && !page.May(Capabilities.SecretsRotate)
            ? page.Failed(Problem.Of(StatusCodes.Status403Forbidden, "missing_capability", "This link does not show secrets."))
            : PageResult.Of<PortalSecret>(page, new { Endpoint = endpoint, Secret = secret, Form = form }, form?.Problem?.Status ?? StatusCodes.Status200OK);

    /// <summary>Delivers again what failed since a time.</summary>
    private static async Task<IResult> Recover(string endpointId, HttpContext http, PortalContext page)
    {
        var form = await FormState.Read(http.Request);
        var hours = form.Number("hours") is > 0 and <= 24 * 30 and var given ? given : 24;
        var body = new { since = page.Now.AddHours(-hours), status = form.Text("status") is "missing" ? "missing" : "failed" };
        return Done(page, endpointId, await page.Api.Post(page.Route("endpoints", endpointId, "replay"), body), "recovering");
    }

    private static async Task<IResult> Messages(PortalContext page)
    {
        var path = PageApi.Query(
            page.Route("messages"), ("limit", "50"), ("cursor", page.Asked("cursor")), ("recipient", page.Recipient), ("type", page.Asked("type")), ("status", page.Asked("status")));
        return (await page.Api.Get<Page<MessageResource>>(path)).Failed(out var messages, out var problem)
            ? page.Failed(problem)
            : PageResult.Of<PortalMessages>(page, new { Messages = messages, Types = await Types(page) });
    }

    private static async Task<IResult> Message(string messageId, PortalContext page) =>
        (await page.Api.Get<MessageResource>(page.Route("messages", messageId))).Failed(out var message, out var problem)
        || (await page.Api.Get<Page<AttemptResource>>(page.Route("messages", messageId, "attempts") + "?limit=250")).Failed(out var attempts, out problem)
            ? page.Failed(problem)
            : PageResult.Of<PortalMessage>(page, new { Message = message, Attempts = attempts.Data });

    private static async Task<IResult> Resend(string messageId, HttpContext http, PortalContext page)
    {
        var form = await FormState.Read(http.Request);
        object body = form.Text("endpointId") is { } endpointId ? new { endpointId } : new { };
        var answer = await page.Api.Post(page.Route("messages", messageId, "replay"), body);
        return answer.IsGood ? new SeeOtherResult(page.Url("messages", messageId) + "?said=replaying") : page.Failed(answer.Problem!);
    }

    private static async Task<IResult> Catalog(PortalContext page) =>
        (await page.Api.Get<Page<EventTypeResource>>(PageApi.Query(page.Route("event-types"), ("limit", "100"), ("cursor", page.Asked("cursor"))))).Failed(out var types, out var problem)
            ? page.Failed(problem) : PageResult.Of<PortalCatalog>(page, new { Types = types });

    private static Task<ApiResult<EndpointResource>> Endpoint(PortalContext page, string endpointId) => page.Api.Get<EndpointResource>(page.Route("endpoints", endpointId));

    private static async Task<IReadOnlyList<EventTypeResource>> Types(PortalContext page) =>
        (await page.Api.Get<Page<EventTypeResource>>(page.Route("event-types") + "?limit=250")).Value?.Data ?? [];

    private static IResult Done(PortalContext page, string endpointId, ApiAnswer answer, string said) =>
        answer.IsGood ? new SeeOtherResult($"{page.Url("endpoints", endpointId)}?said={said}") : page.Failed(answer.Problem!);
}
